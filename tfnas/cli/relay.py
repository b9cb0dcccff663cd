"""Commands in their own processes, which are told when to stop."""

import signal
import subprocess

from tfnas.cli.interruption import EXIT_CODE, Requests


class Relay(Requests):
    """Runs commands, and passes SIGTERM and Ctrl-C on to the one that runs."""

    process = None

    def start(self, words, environment=None):
        """Run a command; returns its exit code."""
        if self.stop:
            return EXIT_CODE
        self.process = subprocess.Popen(words, env=environment)
        if self.stop:  # in between
            self.process.terminate()
        # Ray raises Ctrl-C only in Python, which does not end the wait for a
        # process.
        while True:
            try:
                return self.process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                continue

    def _note(self, number, frame):
        self.stop = signal.Signals(number).name
        if self.process is not None:
            self.process.terminate()
