"""Answers image files by a SavedModel and measures each one's memory.

    python -I served_peak.py SAVED_MODEL FOLDER

Prints, as JSON, for each file "read" or the error's class, and by how many
megabytes the process's memory grew beyond what it had while idle.
"""

import json
import os
import sys
from pathlib import Path


def megabytes(key):
    """VmRSS or VmHWM."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise AssertionError(key)


def main(saved_model, folder):
    sys.modules["tfnas"] = sys.modules["keras"] = None
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    loaded = tf.saved_model.load(saved_model)
    answer = loaded.signatures["serving_bytes"]
    small = tf.io.encode_png(tf.zeros((1, 1, 3), "uint8")).numpy()
    answer(image_bytes=tf.constant([small]))
    idle, found = megabytes("VmRSS"), []
    for path in sorted(Path(folder).iterdir()):
        Path("/proc/self/clear_refs").write_text("5")  # Resets VmHWM.
        end = "read"
        try:
            answer(image_bytes=tf.constant([path.read_bytes()]))
        except tf.errors.OpError as error:
            end = type(error).__name__
        found.append((end, megabytes("VmHWM") - idle))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
