"""One search, from images to a genotype and its report."""

import dataclasses
import sys
import time

import keras
import tensorflow as tf

from tfnas import data, report, schedule, summary
from tfnas.bilevel import BilevelSearch
from tfnas.callbacks import EachEpoch, skips_took_over
from tfnas.errors import UserError
from tfnas.history import History
from tfnas.networks.mobile import MobileSupernet
from tfnas.networks.supernet import Supernet
from tfnas.plan import available_memory, memory_lines, plan
from tfnas.preparation import prepare
from tfnas.runs import Run
from tfnas.spaces import mobile


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
    dataset = prepare(config, method.augmentation)
    record = summary.record(config, method, dataset, argv)
    lines = plan(method, dataset)
    if not tf.config.list_physical_devices("GPU"):
        lines += memory_lines(method, dataset, available_memory())
    print(*lines, sep="\n", flush=True)
    with (
        Run(config.out, record, config.resume) as run,
        data.damage_named(dataset),
    ):
        genotype = _Search(run, config, method, dataset, started).run_all()
        page = report.write_report(run.folder)
    for name, text in genotype.provenance.items():
        if name.startswith("fallback"):
            print(f"\n{name.removeprefix('fallback_')}: {text}")
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
        self.stages = method.stages()
        self.stage, self.epoch, self.operations = 0, 0, None
        self.earlier_seconds, self.started = 0.0, started
        self.model = None

    def run_all(self):
        """Every stage from where the run stands, then the genotype."""
        checkpoint = self.run.load_checkpoint()
        if checkpoint is None:
            self._start_stage(0, None)
        else:
            self._restore(*checkpoint)
        while True:
            self._fit()
            if self.stage + 1 == len(self.stages):
                break
            self._start_stage(self.stage + 1, self._survivors())
        genotype = self._described(self.model.supernet.derive())
        self.run.write("genotype.json", genotype.to_json())
        self.run.write_json(
            "summary.json",
            summary.summary(
                self.model.supernet,
                genotype,
                seconds=self._seconds(),
                next_command=summary.next_command(
                    self.config, self.run.folder, self.method.augmentation
                ),
            ),
        )
        return genotype

    def _start_stage(self, stage, operations):
        """A new supernet, with new weights and a new alpha."""
        self.stage, self.epoch, self.operations = stage, 0, operations
        self._build()
        self.history.start_stage(stage, self.model.supernet)
        if len(self.stages) > 1:
            print(f"Stage {stage + 1} of {len(self.stages)}", flush=True)

    def _survivors(self):
        """The candidates of each edge in the next stage (P-DARTS)."""
        architecture = self.model.supernet.architecture_layer
        kept = self.stages[self.stage + 1].operations_kept
        return {
            kind: schedule.surviving_operations(
                architecture.shares(kind), operations, kept
            )
            for kind, operations in architecture.operations.items()
        }

    def _build(self):
        self.model = None  # the stage before; its memory is freed here
        keras.backend.clear_session()
        keras.utils.set_random_seed(self.config.seed + self.stage)
        data = {
            "input_shape": self.dataset.image_shape,
            "classes": len(self.dataset.classes),
        }
        if self.method.space == "mobile":
            width = self.method.channels / mobile.STEM
            supernet = MobileSupernet(self.method, width=width, **data)
        else:
            supernet = Supernet(
                self.method,
                cells=self.stages[self.stage].cells,
                operations=self.operations,
                **data,
            )
        self.model = BilevelSearch(supernet, self.config.seed)

    def _fit(self):
        stopped = self.epoch > 0 and skips_took_over(self)
        if stopped or self.epoch == self.method.epochs:
            return
        stream = data.search_stream(
            self.dataset,
            batch_size=self.method.batch_size,
            epochs=self.method.epochs,
            seed=self.config.seed,
            start_step=self.epoch * self.steps,
        )
        valid = self.dataset.train.take(self.halves[1])
        callbacks = [EachEpoch(self)]
        if self.config.tensorboard:
            callbacks.append(_tensorboard(self.run.folder))
        self.model.fit(
            stream,
            epochs=self.method.epochs,
            initial_epoch=self.epoch,
            steps_per_epoch=self.steps,
            validation_data=data.evaluation_batches(
                valid, self.dataset, self.method.batch_size
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
        if schedule.is_warmup(epoch - 1, self.stages[self.stage]):
            del values["alpha_loss"]
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
        self.operations = state["operations"]
        self._build()
        self.earlier_seconds = state["seconds"]
        self.history.restore(arrays, state["history"])
        for path, variable in self._by_path().items():
            variable.assign(arrays[f"variable/{path}"])
        print(f"Resuming after epoch {self.epoch} of stage {self.stage + 1}.")

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
        return dataclasses.replace(
            genotype, provenance={**provenance, **genotype.provenance}
        )

    def _seconds(self):
        return self.earlier_seconds + time.time() - self.started


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
