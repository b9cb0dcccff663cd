"""One training, from a genotype to weights and their report."""

import time

import keras
import safetensors.numpy
import tensorflow as tf

from tfnas import cost, data, report
from tfnas.bilevel.averaging import estimate_statistics
from tfnas.bilevel.class_weights import class_weights
from tfnas.bilevel.supervised import SupervisedTraining
from tfnas.devices.workers import is_chief
from tfnas.networks import build_network, weights
from tfnas.networks.whitening import frozen_first, whiten
from tfnas.report.interval import counted
from tfnas.report.measures import measured
from tfnas.runs import contents, kept_images, summary
from tfnas.runs.callbacks import EachTrainingEpoch
from tfnas.runs.chief import open_run
from tfnas.runs.parsing import confusion_text
from tfnas.runs.preparation import prepare
from tfnas.runs.resumable import Resumable
from tfnas.train.judging import judge
from tfnas.train.start import check_images, check_memory, plan
from tfnas.zoo.loading import weights_of

# Enough for a batch norm's statistics and for the covariance of patches.
PLAIN_IMAGES = 5_000


def train(config, recipe, genotype, argv, dataset=None):
    """Run a training, or the rest of it, and write its folder.

    `dataset` is a `Dataset` in place of the flags' data. Returns the share of
    test images classified correctly; None on workers other than the chief.
    """
    started = time.time()
    dataset, strategy = prepare(config, recipe, dataset)
    if not tf.config.list_physical_devices("GPU"):
        check_memory(config, recipe, genotype, dataset)
    training = _Training(config, recipe, genotype, dataset, strategy, started)
    record = training.record(argv)
    with (
        open_run(strategy, config.out, record, config.resume) as run,
        data.damage_named(dataset),
    ):
        training.run_all(run)
        if not is_chief(strategy):
            return None
        found = training.test()
        page = report.write_report(run.folder)
    print(
        f"\nTest accuracy: {100 * found.accuracy:.2f} % "
        f"({counted(found.correct, found.images)}), {found.line()}"
    )
    if training.by_views is not None:
        share = f"{100 * training.by_views:.2f} %"
        print(f"By {recipe.test_views} views of each image: {share}")
    print(f"Report: {page}")
    return found.accuracy


def validate(config, recipe, genotype, dataset, strategy, parts=None):
    """Train, or resume, and judge by held-out images, without a test.

    `parts` are (indices to train on, indices held out), by default as
    `config.valid_images` says; `strategy` is on one host. Returns the share of
    held-out images that the last epoch's weights classify correctly.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.seed)
    arguments = (config, recipe, genotype, dataset, strategy, time.time())
    training = _Training(*arguments, parts)
    record = training.record([])
    with (
        open_run(strategy, config.out, record, config.resume) as run,
        data.damage_named(dataset),
    ):
        training.run_all(run)
    return training.rows[-1]["valid_accuracy"]


class _Training(Resumable):
    """The state of one training: its network and its position."""

    lowered = ("learning_rate",)

    def __init__(
        self,
        config,
        recipe,
        genotype,
        dataset,
        strategy,
        started,
        parts=None,
    ):
        super().__init__(strategy, config.checkpoint_minutes, started)
        self.config, self.recipe, self.genotype = config, recipe, genotype
        self.dataset = dataset
        self.train, self.valid = parts or data.held_out(
            dataset, config.valid_images, recipe.halves, config.seed
        )
        self.steps = data.steps_per_epoch(len(self.train), recipe.batch_size)
        self.rows, self.best, self.by_views = [], {}, None
        self.size, self.first = recipe.size(dataset), None
        with strategy.scope():
            network = self._network()
            if recipe.whitening:
                self.first = frozen_first(network)
            self.model = SupervisedTraining(
                network, recipe, self._class_weights()
            )
        self.drop_path = None
        if recipe.drop_path:
            self.drop_path = network.get_layer("drop_path")
            self.drop_path.seed.assign([config.seed, 0])
        check_images(recipe, dataset)
        self._stream(0)  # Raises now if --cutout is wrong.
        if config.weights is not None:
            arrays = weights_of(config.weights)
            for line in weights.transfer(network, arrays, config.weights):
                print(f"{config.weights}: {line}")
        lines = plan(genotype, self.size, dataset, self.train, self.valid)
        print(*lines, sep="\n", flush=True)

    def _network(self):
        usual = keras.config.dtype_policy()
        if self.config.mixed_precision:
            keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            return build_network(
                self.genotype,
                auxiliary=self.recipe.auxiliary > 0,
                drop_path=self.recipe.drop_path,
                **self.size,
            )
        finally:
            keras.config.set_dtype_policy(usual)

    def image_size_at(self, epoch):
        """(height, width) of an epoch's images, None for the whole image."""
        return self.recipe.image_size_at(epoch, self.dataset.image_shape)

    def _class_weights(self):
        labels = self.dataset.train.labels[self.train]
        classes = len(self.dataset.classes)
        return class_weights(self.config.class_weights, labels, classes)

    def record(self, argv):
        """The content of config.json: what decides the result; its origin."""
        return {
            "command": ["python", "-m", "tfnas.train", *argv[1:]],
            **self.config.decisive(self.recipe, self.genotype),
            "data": {
                "name": self.dataset.name,
                "image_shape": self.dataset.image_shape,
                "classes": list(self.dataset.classes),
                "mean": self.dataset.mean,
                "std": self.dataset.std,
                "train": len(self.train),
                "valid": len(self.valid),
                "test": len(self.dataset.test),
            },
            "versions": summary.versions(),
        }

    def run_all(self, run):
        """The remaining epochs."""
        self.run = run
        kept_images.keep(run, self.dataset)
        checkpoint = self.load()
        if checkpoint is not None:
            self._restore(*checkpoint)
        elif self.first is not None:
            whiten(self.first, self._plain_batches())
        run.write(contents.GENOTYPE, self.genotype.to_json())
        self._fit()

    def _stream(self, step):
        return data.train_stream(
            self.dataset,
            self.train,
            seed=self.config.seed,
            start_step=step,
            **self.recipe.stream(),
        )

    def _fit(self):
        if self.epoch == self.recipe.epochs:
            return
        validation = None
        if len(self.valid):
            validation = self._batches(self.dataset.train.take(self.valid))
        self.fit(
            self._stream,
            epochs=self.recipe.epochs,
            steps=self.steps,
            validation=validation,
            callbacks=[EachTrainingEpoch(self)],
        )

    def _batches(self, split):
        return data.evaluation_batches(
            split, self.dataset, self.recipe.batch_size
        )

    def end_steps(self):
        """After the last step, put averaged weights in the network's place.

        The statistics come from whole training images, as test images are not
        augmented either.
        """
        if self.model.averages is None:
            return
        self.model.averages.take()
        estimate_statistics(self.model.network, self._plain_batches())

    def _plain_batches(self):
        """Some training images, not augmented, drawn by the seed."""
        batch = self.recipe.batch_size
        count = min(len(self.train), PLAIN_IMAGES)
        count -= count % batch if count > batch else 0
        order = data.shuffled(self.config.seed, self.recipe.epochs, self.train)
        some = self.dataset.train.take(order[:count])
        return (images for images, _ in self._batches(some))

    # === Checkpoints ===

    def end_epoch(self, epoch, logs, seconds):
        """Note a finished epoch and save it."""
        self.epoch, self.step = epoch, 0
        row = {
            "epoch": epoch,
            "learning_rate": self.recipe.rate_at(epoch - 1),
            "drop_path": self.recipe.drop_path_at(epoch - 1),
            "train_loss": logs["loss"],
            "train_accuracy": logs["accuracy"],
            "valid_loss": logs.get("val_loss", ""),
            "valid_accuracy": logs.get("val_accuracy", ""),
            "seconds": round(seconds, 3),
        }
        self.rows.append(row)
        columns = contents.TRAINING_COLUMNS
        self.run.write_rows(contents.HISTORY, columns, self.rows)
        encoded = safetensors.numpy.save(weights.values(self.model.network))
        self.run.write(contents.LAST, encoded)
        # The first of equal epochs stays; without validation there is none.
        accuracy = logs.get("val_accuracy", -1)
        if accuracy > self.best.get("accuracy", -1):
            self.best = {"epoch": epoch, "accuracy": accuracy}
            self.run.write(contents.BEST, encoded)
        self.save()

    def state(self):
        return {}, {"rows": self.rows, "best": self.best}

    def _restore(self, arrays, state):
        self.rows, self.best = state["rows"], state["best"]
        self.assign(arrays)
        print(f"Resuming {self.standing()}.", flush=True)

    def variables(self):
        model = self.model
        network = {f"network/{v.path}": v for v in model.network.variables}
        steps = {f"optimizer/{v.path}": v for v in model.optimizer.variables}
        averages = model.averages.by_path() if model.averages else {}
        averages = {f"average/{path}": v for path, v in averages.items()}
        return network | steps | averages

    # === The test images, read once, after every choice ===

    def test(self):
        """The `Measures` of the chosen weights on the test images."""
        chosen = "best" if self.best else "last"
        if chosen == "best":
            path = self.run.folder / contents.BEST
            weights.load(self.model.network, path)
        test, names = self.dataset.test, self.dataset.classes
        confusion, right = judge(self.model, test, self.dataset, self.recipe)
        found = measured(confusion)
        of = cost.built_cost(self.genotype, **self.size)
        self.run.write_json(
            contents.SUMMARY,
            {
                "seconds": round(self.seconds(), 1),
                "checkpoint_seconds": round(self.checkpoint_seconds, 3),
                "machine": summary.machine(),
                "peak_memory_mb": summary.peak_memory(),
                "parameters": of.parameters,
                "multiply_adds": of.multiply_adds,
                "weights": chosen,
                "epoch": self.best.get("epoch", self.epoch),
                "test_images": len(test),
                "test_correct": found.correct,
                "test_accuracy": found.accuracy,
                **found.values(),
                **self._of_views(right),
            },
        )
        text = confusion_text(names, confusion.tolist())
        self.run.write(contents.CONFUSION, text)
        return found

    def _of_views(self, right):
        """What summary.json says of the accuracy by several views."""
        if self.recipe.test_views == 1:
            return {}
        self.by_views = right / len(self.dataset.test)
        found = {
            "test_views": self.recipe.test_views,
            "test_views_correct": right,
            "test_views_accuracy": self.by_views,
        }
        if len(self.valid):
            held = self.dataset.train.take(self.valid)
            _, right = judge(self.model, held, self.dataset, self.recipe)
            found["valid_views_accuracy"] = right / len(self.valid)
        return found
