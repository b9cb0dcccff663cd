"""Runs statements and prints who of tfnas imports TensorFlow or Keras by them.

Neither is really imported, so that one process can try all modules.
"""

import json
import sys


class Guard:
    """A finder of modules that stops at TensorFlow and Keras."""

    def __init__(self):
        self.blamed = {}

    def find_spec(self, name, path=None, target=None):
        if name not in ("tensorflow", "keras"):
            return None
        frame = sys._getframe(1)
        while not frame.f_globals["__name__"].startswith(("tfnas", "__main__")):
            frame = frame.f_back
        self.blamed[frame.f_globals["__name__"]] = name
        raise ImportError(name)


guard = Guard()
for statement in sys.argv[1:]:
    # tfnas itself waits for Keras with a finder that asks all others.
    sys.meta_path.insert(0, guard)
    try:
        exec(statement)
    except ImportError as error:
        if error.args[0] not in ("tensorflow", "keras"):
            raise
    sys.meta_path.remove(guard)
print(json.dumps(guard.blamed))
