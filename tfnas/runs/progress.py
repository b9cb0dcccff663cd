"""A run's progress in lines, for output that goes to a file."""

import time

import keras

from tfnas.data.progress import in_words

SECONDS = 30


class Progress(keras.callbacks.Callback):
    """Prints a line every half minute: epoch, step, loss, time left.

    On a terminal Keras's bar replaces it.

    Args:
        epochs: number of the last epoch, from 1.
        steps: steps of an epoch.
        step: finished steps of the first epoch.
        clock: function that gives the time in seconds.
    """

    def __init__(self, epochs, steps, step=0, clock=time.monotonic):
        super().__init__()
        self.epochs, self.steps, self.step = epochs, steps, step
        self.clock = clock
        self.said = clock()
        self.first = None  # The first step is slow: TensorFlow traces it.

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        now = self.clock()
        self.step += 1
        done = self.epoch * self.steps + self.step
        if self.first is None:
            self.first = now, done
        elif now - self.said >= SECONDS:
            self.said = now
            print(self._line(now, done, logs), flush=True)

    def on_epoch_end(self, epoch, logs=None):
        self.step = 0

    def _line(self, now, done, logs):
        began, first = self.first
        left = self.epochs * self.steps - done
        seconds = (now - began) / (done - first) * left
        return (
            f"Epoch {self.epoch + 1} of {self.epochs}, step {self.step} of "
            f"{self.steps}: loss {logs['loss']:.4f}, {in_words(seconds)} to "
            f"the end of epoch {self.epochs}"
        )
