"""The time that a plan has taken, whatever stops it.

A thread notes it every few seconds, since a killed process notes nothing.
"""

import contextlib
import json
import threading
import time
from pathlib import Path

from tfnas.cli.files import staged
from tfnas.runs import contents, parsing

EVERY = 2.0


class Clock:
    """The time of a plan's steps, kept in its folder.

    Attributes:
        steps: {name of a step: seconds}, of all processes.
        restarts: {name of a step: seconds of its processes' later starts}.
    """

    def __init__(self, folder):
        self.path = Path(folder) / contents.CLOCK
        known = parsing.read_json(self.path) if self.path.is_file() else {}
        self.steps = known.get("steps", {})
        self.restarts = known.get("restarts", {})
        self._lock = threading.Lock()

    @property
    def seconds(self):
        """All time but that of later starts."""
        return sum(self.steps.values()) - self.restart_seconds

    @property
    def restart_seconds(self):
        return sum(self.restarts.values())

    @contextlib.contextmanager
    def step(self, name, start=None):
        """Count what happens inside as a step's time.

        `start` is what its process takes to be back at work, if it was stopped
        before; as much of the time is counted as a restart's.
        """
        began, ended = time.monotonic(), threading.Event()
        before = self.steps.get(name, 0.0)
        lost = self.restarts.get(name, 0.0)

        def note():
            passed = time.monotonic() - began
            self.steps[name] = round(before + passed, 1)
            if start is not None:
                self.restarts[name] = round(lost + min(passed, start), 1)
            self._write()

        def beat():
            while not ended.wait(EVERY):
                note()

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            note()

    def _write(self):
        found = {"steps": self.steps, "restarts": self.restarts}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, staged(self.path) as aside:
            aside.write_text(json.dumps(found, indent=2) + "\n")
