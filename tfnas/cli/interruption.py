"""Leaving early without losing anything: signals and the exit codes."""

import contextlib
import signal

# sysexits.h's EX_TEMPFAIL, "try again later": a cluster's queue can tell it
# from an error (1) and from a killed process (128 and more).
EXIT_CODE = 75
# 128 and SIGPIPE, as for other programs whose reader has left.
READER_LEFT = 141


class Interrupted(Exception):
    """A run stopped before its end; its last checkpoint is whole.

    The message is one line that says what happened and how to go on.
    """

    code = EXIT_CODE


class ReaderLeft(Interrupted):
    """A run stopped because nobody reads its output, as with `| head -1`."""

    code = READER_LEFT


class Requests:
    """Whether SIGTERM or Ctrl-C has asked the process to stop.

    While it is held, the first signal is noted; the run sees it between two
    steps, where it can save a checkpoint. Another Ctrl-C stops at once. Only
    the main thread may hold it; in others signals keep their effect.
    """

    def __init__(self):
        self.stop = None
        self._before = {}

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(ValueError):  # not the main thread
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number, frame):
        if self.stop is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stop = signal.Signals(number).name
