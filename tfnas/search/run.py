"""One search, from images to a genotype and its report."""

import dataclasses
import time

import keras
import tensorflow as tf

from tfnas import data, report, schedule
from tfnas.bilevel.class_weights import class_weights
from tfnas.bilevel.hessian import AlphaHessian
from tfnas.bilevel.search import BilevelSearch
from tfnas.devices.free_memory import available_memory, total_memory
from tfnas.devices.workers import agreed, is_chief
from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.networks import build_supernet, proxy
from tfnas.networks.darts import budget
from tfnas.runs import contents, kept_images, memory, selection, summary
from tfnas.runs.callbacks import EachEpoch, reason_to_stop
from tfnas.runs.chief import open_run
from tfnas.runs.preparation import prepare
from tfnas.runs.resumable import Resumable
from tfnas.search.history import History
from tfnas.search.perturbation import Perturbation
from tfnas.search.plan import memories, plan


def search(config, method, argv, dataset=None):
    """Run a search, or the rest of it, and write its folder.

    `dataset` is a `Dataset` in place of the flags' data. Returns the `Genotype`
    found.
    """
    started = time.time()
    dataset, strategy = prepare(config, method, dataset)
    if not config.resume:  # an older run may go on
        budget.check(method, dataset.image_shape, len(dataset.classes))
    record = summary.record(config, method, dataset, argv)
    lines = plan(method, dataset)
    lines += summary.missing_classes(dataset, method, config.seed)
    if not tf.config.list_physical_devices("GPU"):
        lines += memory.check(
            "search",
            memories(method, dataset),
            method,
            dataset.image_shape,
            available=available_memory(),
            total=total_memory(),
            force=config.force or config.resume,
        )
    print(*lines, sep="\n", flush=True)
    with (
        open_run(strategy, config.out, record, config.resume) as run,
        data.damage_named(dataset),
    ):
        kept_images.keep(run, dataset)
        state = _Search(run, config, method, dataset, strategy, started)
        genotype = state.run_all()
        if not is_chief(strategy):
            return genotype
        page = report.write_report(run.folder)
    for name, text in genotype.provenance.items():
        if name.startswith("fallback"):
            print(f"\n{name.removeprefix('fallback_')}: {text}")
    print(f"\n{genotype}", *report.remarks(run.folder), sep="\n")
    print(f"Report: {page}")
    return genotype


class _Search(Resumable):
    """The state of one search: its position and its history."""

    lowered = ("learning_rate", "alpha_learning_rate")

    def __init__(self, run, config, method, dataset, strategy, started):
        super().__init__(strategy, config.checkpoint_minutes, started)
        self.run, self.config, self.method = run, config, method
        self.dataset = dataset
        self.halves = data.search_halves(dataset, method.halves, config.seed)
        self.steps = data.steps_per_epoch(
            len(self.halves[0]), method.batch_size
        )
        # From both halves, so that both losses weigh the classes the same.
        self.class_weights = class_weights(
            config.class_weights, dataset.train.labels, len(dataset.classes)
        )
        self.fixed = proxy.fixed_part(dataset, self.halves[1])
        self.has_proxy = method.search_space.can("be pruned")
        self.history = History()
        self.perturbation = Perturbation(self)
        self.stages = method.stages()
        self.stage, self.operations = 0, None

    def run_all(self):
        """All remaining stages, then the genotype."""
        checkpoint = self.load()
        if checkpoint is None:
            self._start_stage(0, None)
        else:
            self._restore(*checkpoint)
        while True:
            self._fit()
            if self.stage + 1 == len(self.stages):
                break
            self._start_stage(self.stage + 1, self._survivors())
        perturbed = {}
        if self.method.derivation == "perturbation":
            perturbed["perturbation"] = self.perturbation.run()
        genotype, chosen = self._selected()
        genotype = self._described(genotype, chosen)
        noted = proxy.described(self.fixed)
        self.run.write(contents.GENOTYPE, genotype.to_json())
        self.run.write_json(
            contents.SUMMARY,
            {
                **summary.summary(
                    self.model.supernet,
                    genotype,
                    seconds=self.seconds(),
                    checkpoint_seconds=self.checkpoint_seconds,
                    next_command=summary.next_command(
                        self.config, self.run.folder, self.method.augmentation
                    ),
                ),
                **({"proxy": noted} if self.has_proxy else {}),
                "majority_share": self._majority_share(),
                **perturbed,
                **chosen,
            },
        )
        return genotype

    def _majority_share(self):
        """The share of the largest class in the half that trains alpha."""
        labels = self.dataset.train.labels[self.halves[1]]
        return proxy.described((None, labels))["majority_share"]

    def _start_stage(self, stage, operations):
        """A new supernet, with new weights and, if it is not kept, alpha."""
        kept = {}
        if stage and self.method.keep_alpha:
            architecture = self.model.supernet.architecture_layer
            kept = architecture.values_among(operations)
        self.stage, self.operations = stage, operations
        self.epoch = self.step = 0
        self._build()
        for name, value in kept.items():
            self.model.supernet.architecture[name].assign(value)
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
        # Free the memory of the stage before.
        self.model = self.hessian = None
        keras.backend.clear_session()
        keras.utils.set_random_seed(self.config.seed + self.stage)
        with self.strategy.scope():
            supernet = build_supernet(
                self.method.of_stage(self.stages[self.stage]),
                input_shape=self.dataset.image_shape,
                classes=len(self.dataset.classes),
                cells=self.stages[self.stage].cells,
                operations=self.operations,
            )
            self.model = BilevelSearch(
                supernet, self.config.seed, self.class_weights
            )

    def _fit(self):
        if self.perturbation.decisions:
            return
        ended = self.epoch > 0 and self.step == 0
        if ended and reason_to_stop(self) or self.epoch == self.method.epochs:
            return
        valid = self.dataset.train.take(self.halves[1])
        callbacks = [EachEpoch(self)]
        if self.config.tensorboard and is_chief(self.strategy):
            callbacks.append(_tensorboard(self.run.folder))
        self.fit(
            self.stream,
            epochs=self.method.epochs,
            steps=self.steps,
            validation=data.evaluation_batches(
                valid, self.dataset, self.method.batch_size
            ),
            callbacks=callbacks,
        )

    def stream(self, step, epochs=None):
        """Batches from a step on, to the end of the method's epochs or more."""
        return data.search_stream(
            self.dataset,
            self.halves,
            batch_size=self.method.batch_size,
            epochs=epochs or self.method.epochs,
            seed=self.config.seed,
            start_step=step,
        )

    # === Checkpoints ===

    def end_epoch(self, epoch, logs, seconds):
        """Note a finished epoch and save it."""
        self.epoch, self.step = epoch, 0
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
        rate = self.model.optimizer.learning_rate
        values["learning_rate"] = float(keras.ops.convert_to_numpy(rate))
        values["seconds"] = round(seconds, 3)
        values |= self._signs(epoch)
        self.history.add(self.stage, epoch, self.model.supernet, values)
        self.history.save(self.run)
        self.save()

    def _signs(self, epoch):
        """The measures for stopping: {column of history.csv: value}.

        Each worker computes them on its first device, and the chief's count.
        """
        supernet, found = self.model.supernet, {}
        if self.has_proxy:
            found["proxy_accuracy"] = proxy.proxy_accuracy(supernet, self.fixed)
        last = self.stage + 1 == len(self.stages)
        watched = self.config.select == "early_stop" and last
        if watched and selection.is_due(epoch, self.method.epochs):
            if self.hessian is None:
                few = [part[: self.method.batch_size] for part in self.fixed]
                weights = self.class_weights
                self.hessian = AlphaHessian(supernet, few, weights)
            found["eigenvalue"] = self.hessian.largest_eigenvalue()
        return agreed(self.strategy, found)

    def state(self):
        arrays, values = self.history.state()
        return arrays, {
            "stage": self.stage,
            "operations": self.model.supernet.operations,
            "history": values,
            "perturbation": self.perturbation.state(),
        }

    def _restore(self, arrays, state):
        self.stage, self.operations = state["stage"], state["operations"]
        self._build()
        self.history.restore(arrays, state["history"])
        if "perturbation" in state:  # older runs lack it
            self.perturbation.restore(state["perturbation"])
        self.assign(arrays)
        stage = self.stage + 1
        print(f"Resuming {self.standing()} of stage {stage}.", flush=True)

    def variables(self):
        model = self.model
        variables = [
            *model.supernet.variables,
            *model.optimizer.variables,
            *model.alpha_optimizer.variables,
        ]
        return {f"variable/{v.path}": v for v in variables}

    # === The result ===

    def _selected(self):
        """The genotype, from the last stage, and how it was chosen."""
        last = [r for r in self.history.rows if r["stage"] == self.stage]
        rule, derivation = self.config.select, self.method.derivation
        epoch = selection.choose(rule, last)
        chosen = {"select": rule, "epoch": epoch, "derivation": derivation}
        if derivation == "perturbation":
            tuning = {"perturbation_epochs": self.method.perturbation_epochs}
            return self.model.supernet.derive(), {**chosen, **tuning}
        of_stage = {
            entry["epoch"]: entry["genotype"]
            for entry in self.history.genotypes
            if entry["stage"] == self.stage
        }
        return Genotype.from_dict(of_stage[epoch]), chosen

    def _described(self, genotype, chosen):
        provenance = {
            "method": self.method.name,
            "preset": self.config.preset,
            "dataset": self.dataset.name,
            "seed": self.config.seed,
            "epochs": self.method.epochs,
            **chosen,
            "source": "tfnas.search",
        }
        return dataclasses.replace(
            genotype, provenance={**provenance, **genotype.provenance}
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
