"""Progress lines: how much is read, and how long the rest takes."""

import time

_SECONDS = 10


class Progress:
    """Progress while many images are read; silent if it is quick.

    Args:
        what: the verb, such as "Checked".
        count: how many there are.
        clock: function that gives the time in seconds.
    """

    def __init__(self, what, count, clock=time.monotonic):
        self.what, self.count, self.clock = what, count, clock
        self.started = self.said = clock()

    def reached(self, done):
        """Note that so many are done, and print it every ten seconds."""
        now = self.clock()
        if done and now - self.said >= _SECONDS and done < self.count:
            self.said = now
            left = (now - self.started) / done * (self.count - done)
            print(
                f"{self.what} {done:,} of {self.count:,} images, about "
                f"{in_words(left)} left",
                flush=True,
            )


def in_words(seconds):
    """A length of time, such as "40 s", "3 min" or "2.5 h"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
