"""Runs that can stop between any two steps and resume exactly."""

import contextlib
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf

from tfnas.cli.interruption import Interrupted, Requests
from tfnas.devices import replicas
from tfnas.devices.workers import Agreement, is_chief
from tfnas.runs import fitting
from tfnas.runs.callbacks import check_finite, diverged
from tfnas.runs.chief import load_checkpoint

# A search that tunes between choices fits the same model often.
_METRICS = weakref.WeakKeyDictionary()


class Resumable:
    """A run's position and its checkpoints.

    A subclass sets `model` and `run`, and has `variables()`, the dictionary of
    everything that a step changes; `state()`, further arrays and JSON-ready
    values for a checkpoint; and `lowered`, the flags to lower if a loss is not
    finite.

    Args:
        strategy: the `tf.distribute` strategy that the model is made in.
        minutes: between two checkpoints inside an epoch.
        started: the start of the run, by `time.time()`.
    """

    def __init__(self, strategy, minutes, started):
        self.strategy, self.minutes = strategy, minutes
        self.run = self.model = self._writing = None
        self.epoch = self.step = 0
        self.metrics = None
        self.earlier_seconds, self.started = 0.0, started
        self.checkpoint_seconds = 0.0
        self.began = started

    def fit(self, stream, *, epochs, steps, validation, callbacks):
        """Train the remaining epochs, by `fitting.fit`.

        SIGTERM and Ctrl-C raise `Interrupted`, after a checkpoint.
        """
        with self.saving() as requests:
            fitting.fit(
                self.model,
                stream,
                epochs=epochs,
                steps=steps,
                epoch=self.epoch,
                step=self.step,
                validation=validation,
                callbacks=[*callbacks, Keeper(self, requests, steps)],
            )

    @contextlib.contextmanager
    def saving(self):
        """Where `save` may be called; gives the `Requests` to stop.

        At its end the last checkpoint is on the disk.
        """
        with Requests() as requests, ThreadPoolExecutor(1) as self._writer:
            try:
                yield requests
            finally:
                self._settle()

    def save(self):
        """Save the run's current position as its newest checkpoint.

        The values are copied at once and written while the next steps run. A
        failure there is raised by the next checkpoint or by `saving`.
        """
        began = time.monotonic()
        arrays, values = self.state()
        arrays |= {
            path: variable.value.numpy()
            for path, variable in self.variables().items()
        }
        if self.step:
            arrays["metrics"] = self.metrics
        standing = {
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.seconds(),
            "checkpoint_seconds": self.checkpoint_seconds,
            "epoch_seconds": time.time() - self.began if self.step else 0.0,
        }
        self._settle()
        self._writing = self._writer.submit(
            self.run.save_checkpoint, arrays, {**values, **standing}
        )
        self.checkpoint_seconds += time.monotonic() - began

    def _settle(self):
        """Wait until the last checkpoint is on the disk."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def load(self):
        """Move to the newest checkpoint: its (arrays, state), or None."""
        found = load_checkpoint(self.strategy, self.run)
        if found is not None:
            arrays, state = found
            self.epoch, self.step = state["epoch"], state.get("step", 0)
            self.earlier_seconds = state["seconds"]
            self.checkpoint_seconds = state["checkpoint_seconds"]
            self.began = time.time() - state.get("epoch_seconds", 0.0)
            self.metrics = arrays.get("metrics")
        return found

    def assign(self, arrays):
        """Put a checkpoint's values into the model."""
        for path, variable in self.variables().items():
            variable.assign(arrays[path])

    def leave(self, requests):
        """Stop, as it was requested."""
        raise Interrupted(
            f"{requests.stop or 'another worker was stopped'}: kept "
            f"{self.standing()}; repeat the command with --resume"
        )

    def standing(self):
        """The run's position in words."""
        steps = f"{self.step} steps after " if self.step else "after "
        return f"{steps}epoch {self.epoch}"

    def seconds(self):
        return self.earlier_seconds + time.time() - self.started


class Keeper(keras.callbacks.Callback):
    """Counts steps, saves checkpoints between them, and stops on request."""

    def __init__(self, owner, requests, steps):
        super().__init__()
        self.owner, self.requests, self.steps = owner, requests, steps
        self.agree = Agreement(owner.strategy)
        self.chief = is_chief(owner.strategy)
        self.saved = time.monotonic()

    def on_train_begin(self, logs=None):
        self._read, self._write = _metrics_of(self.model)

    def on_epoch_begin(self, epoch, logs=None):
        if self.owner.step:
            self._write(self.owner.metrics)
        else:
            self.owner.began = time.time()

    def on_train_batch_end(self, batch, logs=None):
        owner = self.owner
        owner.step += 1
        stop, due, bad = self._wanted(not np.isfinite(_losses(logs)).all())
        if bad:
            where = f"epoch {owner.epoch + 1}, step {owner.step}"
            check_finite(where, fitting.results(self.model), owner.lowered)
            what = f"{where}: a loss of another worker is not finite"
            raise diverged(what, owner.lowered)
        if stop or due or owner.step == self.steps:
            owner.metrics = self._read()
        self._keep(stop, due)

    def on_test_batch_end(self, batch, logs=None):
        # The metrics are now the test's; the training's were read before.
        stop, due, _ = self._wanted(False)
        self._keep(stop, due)

    def on_epoch_end(self, epoch, logs=None):
        # The epoch's own checkpoint has just been made.
        self.saved = time.monotonic()
        stop, _, _ = self._wanted(False)
        if stop:
            self._leave()

    def _wanted(self, bad):
        waited = time.monotonic() - self.saved
        due = self.chief and waited >= 60 * self.owner.minutes
        return self.agree([self.requests.stop is not None, due, bad])

    def _keep(self, stop, due):
        if stop or due:
            self.owner.save()
            self.saved = time.monotonic()
        if stop:
            self._leave()

    def _leave(self):
        self.owner.leave(self.requests)


def _losses(logs):
    return [float(logs[n]) for n in ("loss", "alpha_loss") if n in logs]


def _metrics_of(model):
    """Functions that read and write all metrics as an array.

    It is (replicas, numbers): each replica sums its own part of an epoch.
    """
    if model not in _METRICS:
        _METRICS[model] = _traced_metrics(model)
    return _METRICS[model]


def _traced_metrics(model):
    strategy = model.distribute_strategy
    variables = [v for metric in model.metrics for v in metric.variables]

    @tf.function
    def read():
        def own():
            return tf.stack([v.value for v in variables])[None]

        return strategy.gather(strategy.run(own), axis=0)

    @tf.function
    def write(values):
        def own(values):
            for i, variable in enumerate(variables):
                variable.assign(values[replicas.index(), i])

        strategy.run(own, args=(values,))

    def write_all(values):
        count = strategy.num_replicas_in_sync
        if len(values) != count:  # resumed on other devices
            whole = np.zeros((count, values.shape[1]), values.dtype)
            whole[0] = values.sum(0)
            values = whole
        write(tf.constant(values))

    return lambda: read().numpy(), write_all
