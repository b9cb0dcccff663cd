"""Callbacks at the start and the end of epochs (survey 3.3)."""

import math
import time

import keras

from tfnas import schedule
from tfnas.bilevel.pruned import RATE
from tfnas.errors import UserError
from tfnas.runs import selection


class EachEpoch(keras.callbacks.Callback):
    """Sets a search's values for each epoch, and passes on its results.

    Args:
        search: the search that trains: its `method`, `stages`, `stage`,
            `history` and `end_epoch`.
    """

    def __init__(self, search):
        super().__init__()
        self.search = search

    def on_epoch_begin(self, epoch, logs=None):
        search, supernet = self.search, self.model.supernet
        method, stage = search.method, search.stages[search.stage]
        self.warmup = schedule.is_warmup(epoch, stage)
        self.model.freeze_architecture(self.warmup)
        self.model.optimizer.learning_rate = schedule.cosine(
            epoch, stage.epochs, method.learning_rate, method.learning_rate_min
        )
        if supernet.skip_dropout_rate is not None:
            supernet.skip_dropout_rate.assign(
                schedule.skip_dropout(epoch, stage)
            )
        if supernet.auxiliary_weight is not None:
            supernet.auxiliary_weight.assign(
                schedule.linear_decay(epoch, stage.epochs)
            )
        if supernet.beta_decay_weight is not None:
            supernet.beta_decay_weight.assign(
                method.beta_decay * epoch / stage.epochs
            )
        if supernet.temperature is not None:
            supernet.temperature.assign(
                schedule.temperature(
                    epoch,
                    stage.epochs,
                    method.temperature,
                    method.temperature_min,
                )
            )
        if self.model.smoothing_radius is not None:
            self.model.smoothing_radius.assign(
                schedule.perturbation(
                    epoch, stage.epochs, final=method.smoothing
                )
            )

    def on_train_batch_begin(self, batch, logs=None):
        # In a resumed epoch batches are counted from where it resumes.
        inner = self.search.step % self.search.method.inner_steps != 0
        self.model.freeze_architecture(self.warmup or inner)

    def on_epoch_end(self, epoch, logs=None):
        check_finite(f"epoch {epoch + 1}", logs)
        seconds = time.time() - self.search.began
        self.search.end_epoch(epoch + 1, logs, seconds)
        if reason := reason_to_stop(self.search):
            print(f"Stopping: {reason}.", flush=True)
            self.model.stop_training = True


class EachTuningEpoch(EachEpoch):
    """Trains on between two removals, as `EachEpoch` before them.

    The learning rate is a tenth of the search's first one, as in DARTS-PT; all
    else stays as in the search's last epoch.

    Args:
        search: the search: its `method`, `epoch`, `step` and `save`.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self.warmup = False
        rate = RATE * self.search.method.learning_rate
        self.model.optimizer.learning_rate = rate

    def on_epoch_end(self, epoch, logs=None):
        check_finite(f"tuning, epoch {epoch + 1}", logs)
        self.search.epoch, self.search.step = epoch + 1, 0
        self.search.save()


def reason_to_stop(search):
    """Why a stage ends early, in words, or "".

    The last epoch's normal cell has `stop_skips` skips or more, or the
    eigenvalues in the history say so (`selection.early_stop`). A resumed search
    asks too, as it may have stopped already.
    """
    rows = search.history.rows
    # The mobile space has no normal cell.
    skips = rows[-1].get("skips_normal", 0)
    if 0 < search.method.stop_skips <= skips:
        return f"the normal cell has {skips} skips"
    epoch = selection.early_stop(rows)
    if epoch is not None:
        return f"the loss has grown sharp in alpha since epoch {epoch}"
    return ""


class EachTrainingEpoch(keras.callbacks.Callback):
    """Sets learning rate and drop path, and passes on an epoch's results.

    Args:
        training: the run that trains: its `recipe`, `drop_path`, `step`,
            `steps`, `image_size_at`, `end_steps` and `end_epoch`.
    """

    def __init__(self, training):
        super().__init__()
        self.training = training

    def on_epoch_begin(self, epoch, logs=None):
        recipe, drop_path = self.training.recipe, self.training.drop_path
        self.epoch = epoch
        self.model.train_on(self.training.image_size_at(epoch))
        self.model.optimizer.learning_rate = recipe.rate_at(epoch)
        if drop_path is not None:
            drop_path.rate.assign(recipe.drop_path_at(epoch))

    def on_train_batch_begin(self, batch, logs=None):
        training = self.training
        if training.recipe.schedule == "one_cycle":
            # In a resumed epoch batches are counted from where it resumes.
            self.model.optimizer.learning_rate = training.recipe.rate_at(
                self.epoch, training.step, training.steps
            )

    def on_train_batch_end(self, batch, logs=None):
        training = self.training
        last = training.step + 1 == training.steps
        if last and self.epoch + 1 == training.recipe.epochs:
            training.end_steps()

    def on_epoch_end(self, epoch, logs=None):
        check_finite(f"epoch {epoch + 1}", logs, self.training.lowered)
        seconds = time.time() - self.training.began
        self.training.end_epoch(epoch + 1, logs, seconds)


class Diverged(UserError):
    """A loss has become infinite or NaN."""


def diverged(what, flags):
    """The error of a run that has diverged; `what` says where, in words.

    `flags` are those to lower.
    """
    return Diverged(
        f"{what}; the run has diverged, start another with a lower "
        + " or ".join(f"--{flag}" for flag in flags)
    )


def check_finite(where, logs, flags=("learning_rate", "alpha_learning_rate")):
    """Raise `Diverged` before a loss that is not finite becomes a checkpoint.

    `where` is the epoch, and perhaps the step, in words; `flags` are those to
    lower.
    """
    for name in ("loss", "alpha_loss", "val_loss"):
        if not math.isfinite(logs.get(name, 0)):
            raise diverged(f"{where}: {name} is {logs[name]}", flags)
