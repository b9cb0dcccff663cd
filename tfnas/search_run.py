"""One search, from images to a genotype and its report."""

import dataclasses
import importlib.metadata
import platform
import resource
import sys
import time

import keras
import tensorflow as tf

from tfnas import cost, data, report, schedule
from tfnas.bilevel import BilevelSearch
from tfnas.errors import UserError
from tfnas.history import History
from tfnas.networks.supernet import Supernet
from tfnas.runs import Run


def search(config, method, argv):
    """Run a search, or the rest of it, and write its folder.

    Args:
        config: a `SearchConfig`.
        method: the `Method` with all its values.
        argv: what was typed, for the record.

    Returns:
        The `Genotype` that was found.

    Raises:
        UserError: if the data or the folder cannot be used.

    Example: `search(*resolve({"epochs": 1}), argv=[])`.
    """
    started = time.time()
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        _make_deterministic()
    dataset = data.load(config.dataset, config.data_dir, config.image_size)
    if config.train_images is not None:
        dataset = dataset.first(config.train_images)
    record = _record(config, method, dataset, argv)
    with Run(config.out, record, config.resume) as run:
        genotype = _Search(run, config, method, dataset, started).run_all()
        page = report.write_report(run.folder)
    print(f"\n{genotype}\nReport: {page}")
    return genotype


class _Search:
    """The state of one search: where it stands and what it has seen."""

    def __init__(self, run, config, method, dataset, started):
        self.run, self.config, self.method = run, config, method
        self.dataset = dataset
        self.halves = data.search_halves(dataset)
        self.steps = data.steps_per_epoch(
            len(self.halves[0]), method.batch_size
        )
        self.history = History()
        self.stage, self.epoch, self.operations = 0, 0, None
        self.earlier_seconds, self.started = 0.0, started
        self.model = None

    def run_all(self):
        """Every stage from where the run stands, then the genotype."""
        checkpoint = self.run.load_checkpoint()
        self._build()
        if checkpoint is None:
            self.history.start_stage(self.stage, self.model.supernet)
        else:
            self._restore(*checkpoint)
        self._fit()
        genotype = self._described(self.model.supernet.derive())
        self.run.write("genotype.json", genotype.to_json())
        self.run.write_json("summary.json", self._summary(genotype))
        return genotype

    def _build(self):
        supernet = Supernet(
            self.method,
            input_shape=self.dataset.image_shape,
            classes=len(self.dataset.classes),
            operations=self.operations,
        )
        self.model = BilevelSearch(supernet)

    def _fit(self):
        if self.epoch == self.method.epochs:
            return
        stream = data.search_stream(
            self.dataset,
            batch_size=self.method.batch_size,
            epochs=self.method.epochs,
            seed=self.config.seed,
            start_step=self.epoch * self.steps,
        )
        valid = self.dataset.train
        callbacks = [_EachEpoch(self)]
        if self.config.tensorboard:
            callbacks.append(_tensorboard(self.run.folder))
        self.model.fit(
            stream,
            epochs=self.method.epochs,
            initial_epoch=self.epoch,
            steps_per_epoch=self.steps,
            validation_data=data.evaluation_batches(
                valid.images[self.halves[1]],
                valid.labels[self.halves[1]],
                self.dataset,
                self.method.batch_size,
            ),
            callbacks=callbacks,
            shuffle=False,
            verbose="auto" if sys.stdout.isatty() else 2,
        )

    # === Checkpoints ===

    def end_epoch(self, epoch, logs, seconds):
        """Note an epoch that has ended and make it safe."""
        self.epoch = epoch
        names = {
            "loss": "train_loss",
            "accuracy": "train_accuracy",
            "alpha_loss": "alpha_loss",
            "val_loss": "valid_loss",
            "val_accuracy": "valid_accuracy",
        }
        values = {names[k]: v for k, v in logs.items() if k in names}
        values["learning_rate"] = float(self.model.optimizer.learning_rate)
        values["seconds"] = round(seconds, 3)
        self.history.add(self.stage, epoch, self.model.supernet, values)
        self.history.save(self.run)
        arrays, values = self.history.state()
        arrays |= {f"variable/{k}": v for k, v in self._variables().items()}
        self.run.save_checkpoint(
            arrays,
            {
                "stage": self.stage,
                "epoch": self.epoch,
                "operations": self.model.supernet.operations,
                "seconds": self._seconds(),
                "history": values,
            },
        )

    def _restore(self, arrays, state):
        self.stage, self.epoch = state["stage"], state["epoch"]
        self.earlier_seconds = state["seconds"]
        self.history.restore(arrays, state["history"])
        for path, variable in self._by_path().items():
            variable.assign(arrays[f"variable/{path}"])
        print(f"Resuming after epoch {self.epoch}.")

    def _variables(self):
        return {
            path: keras.ops.convert_to_numpy(variable)
            for path, variable in self._by_path().items()
        }

    def _by_path(self):
        model = self.model
        variables = [
            *model.supernet.variables,
            *model.optimizer.variables,
            *model.alpha_optimizer.variables,
        ]
        return {variable.path: variable for variable in variables}

    # === The result ===

    def _described(self, genotype):
        provenance = {
            "method": self.method.name,
            "preset": self.config.preset,
            "dataset": self.dataset.name,
            "seed": self.config.seed,
            "epochs": self.method.epochs,
            "source": "tfnas.search",
        }
        return dataclasses.replace(genotype, provenance=provenance)

    def _summary(self, genotype):
        shape, classes = self.dataset.image_shape, len(self.dataset.classes)
        size = {"channels": 36, "cells": 20}
        network = cost.network_cost(
            genotype, input_shape=shape, classes=classes, **size
        )
        supernet = cost.supernet_cost(
            self.model.supernet.operations,
            input_shape=shape,
            classes=classes,
            channels=self.method.channels,
            cells=self.method.cells[self.stage],
            nodes=self.method.nodes,
        )
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "seconds": round(self._seconds(), 1),
            "peak_memory_mb": round(kilobytes / 1024),
            "supernet_parameters": supernet.parameters,
            "supernet_multiply_adds": supernet.multiply_adds,
            "network": {
                **size,
                "parameters": network.parameters,
                "multiply_adds": network.multiply_adds,
            },
            "next_command": self._next_command(),
        }

    def _next_command(self):
        flags = f"--method={self.method.name} --dataset={self.dataset.name}"
        if self.config.data_dir:
            flags += f" --data_dir={self.config.data_dir}"
        return (
            f"python -m tfnas.search {flags} --preset=paper "
            f"--out={self.run.folder}_paper"
        )

    def _seconds(self):
        return self.earlier_seconds + time.time() - self.started


class _EachEpoch(keras.callbacks.Callback):
    """Sets what changes from epoch to epoch, and records what came of it."""

    def __init__(self, search):
        super().__init__()
        self.search = search

    def on_epoch_begin(self, epoch, logs=None):
        method = self.search.method
        self.began = time.time()
        self.model.optimizer.learning_rate = schedule.cosine(
            epoch, method.epochs, method.learning_rate, method.learning_rate_min
        )

    def on_epoch_end(self, epoch, logs=None):
        self.search.end_epoch(epoch + 1, logs, time.time() - self.began)


def _record(config, method, dataset, argv):
    """What config.json says: all that decides the result, and its origin."""
    train, valid = data.search_halves(dataset)
    flags = {
        k: v
        for k, v in vars(config).items()
        if k not in ("out", "resume", "tensorboard")
    }
    return {
        "command": ["python", "-m", "tfnas.search", *argv[1:]],
        "config": flags,
        "method": method.values(),
        "data": {
            "name": dataset.name,
            "image_shape": dataset.image_shape,
            "classes": list(dataset.classes),
            "train": len(train),
            "valid": len(valid),
        },
        "versions": {
            "python": platform.python_version(),
            **{
                name: importlib.metadata.version(name)
                for name in ("keras", "numpy")
            },
            "tensorflow": tf.__version__,
        },
    }


def _make_deterministic():
    """Same seed, same numbers, in every process."""
    tf.config.experimental.enable_op_determinism()
    # Grappler's rewrites differ between processes on large graphs.
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": True}
    )


def _tensorboard(folder):
    try:
        return keras.callbacks.TensorBoard(
            str(folder / "tensorboard"), write_graph=False
        )
    except ImportError:
        raise UserError(
            "--tensorboard: TensorBoard is not installed; pip install "
            "'tfnas[tensorboard]'"
        ) from None
