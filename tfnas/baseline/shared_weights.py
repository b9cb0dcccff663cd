"""Random search with shared weights: one supernet, trained path by path.

Each step trains the weights of one cell drawn at random; then cells are
compared with these weights instead of their own. Source: Li and Talwalkar,
Random Search and Reproducibility for Neural Architecture Search (UAI 2019,
arXiv:1902.07638), section 3.2.
"""

import dataclasses
import time

import keras
import numpy as np
import tensorflow as tf

from tfnas import data, methods
from tfnas.bilevel.supervised import SupervisedTraining
from tfnas.networks import build_supernet
from tfnas.networks.proxy import still_logits
from tfnas.networks.pruning import kept_operations
from tfnas.runs.contents import is_begun
from tfnas.runs.folder import Folder
from tfnas.runs.resumable import Resumable

# A softmax of this and of zeros is one and zeros, to the last bit.
CHOSEN = 200.0
# The values of a supernet's training before it followed its recipe.
_BEFORE = {"momentum": 0.9, "weight_decay": 3e-4, "gradient_clip": 5.0}
_BEFORE |= {"cutout": 0, "label_smoothing": 0.0}


def train(run, config, recipe, dataset, strategy):
    """Train the supernet, or the rest of it.

    Args:
        run: the baseline's `Folder`; the supernet has a folder in it.
        config: a `BaselineConfig`.
        recipe: the `Recipe` of the supernet's training.
        dataset: the `Dataset`.
        strategy: the `tf.distribute` strategy.

    Returns:
        A `SharedWeights`.
    """
    folder = run.folder / "supernet"
    shared = SharedWeights(config, recipe, dataset, strategy)
    with Folder(folder, run.config, is_begun(folder)) as own:
        shared.train(own)
    return shared


def put(supernet, genotype):
    """Make a supernet compute one cell: on each edge its operation or `none`.

    Args:
        supernet: a `Supernet` or `BenchSupernet` with a softmax, without
            attention, with `none` among its candidates.
        genotype: a `Genotype` of its space with at most one operation an edge.
    """
    for kind, cell in genotype.cells.items():
        chosen = kept_operations(supernet, kind, cell)
        for row, names in enumerate(supernet.operations[kind]):
            if not chosen[row].any():
                chosen[row, list(names).index("none")] = 1
        supernet.architecture[f"alphas_{kind}"].assign(CHOSEN * chosen)


class SharedWeights(Resumable):
    """A supernet whose weights serve every cell of its space."""

    lowered = ("learning_rate",)

    def __init__(self, config, recipe, dataset, strategy):
        super().__init__(strategy, 10.0, time.time())
        self.config, self.recipe, self.dataset = config, recipe, dataset
        self.halves = data.search_halves(dataset, recipe.halves, config.seed)
        self.steps = data.steps_per_epoch(
            len(self.halves[0]), recipe.batch_size
        )
        method = methods.get("darts").with_flags(
            {"space": config.space, "stem": recipe.stem}
        )
        with strategy.scope():
            self.supernet = build_supernet(
                method,
                input_shape=dataset.image_shape,
                classes=len(dataset.classes),
                channels=recipe.channels,
                cells=recipe.cells,
            )
            self.supernet.architecture_layer.trainable = False
            self.model = SupervisedTraining(self.supernet, recipe)
        self._stream(0)  # Raises now if --cutout is wrong.
        self._classify = None

    def train(self, run):
        """Train the remaining epochs."""
        self.run = run
        checkpoint = self.load()
        if checkpoint is not None:
            arrays, state = checkpoint
            self.assign(arrays)
            self._follow(state.get("recipe", _BEFORE))
        if self.epoch < self.recipe.epochs:
            self.fit(
                self._stream,
                epochs=self.recipe.epochs,
                steps=self.steps,
                validation=None,
                callbacks=[_EachStep(self)],
            )

    def _follow(self, values):
        """Resume with the recipe that the run began with."""
        self.recipe = dataclasses.replace(self.recipe, **values)
        self.model.recipe = self.recipe
        self.model.optimizer.momentum = self.recipe.momentum
        self.model.optimizer.nesterov = self.recipe.nesterov

    def _stream(self, step):
        return data.train_stream(
            self.dataset,
            self.halves[0],
            seed=self.config.seed,
            start_step=step,
            **self.recipe.stream(),
        )

    def draw(self, number):
        """The cell that step `number`, counted over all epochs, trains."""
        draw = np.random.default_rng([self.config.seed, 1, number])
        space = self.supernet.space
        return space.genotype(
            {
                name: options[draw.integers(len(options))]
                for name, options in space.choices().items()
            }
        )

    def accuracy(self, genotype):
        """A cell's accuracy on the second half.

        Batch norms use each batch's statistics: the moving ones mix all cells.
        """
        supernet = self.supernet
        put(supernet, genotype)
        if self._classify is None:
            self._classify = tf.function(
                lambda images: still_logits(supernet, images),
                reduce_retracing=True,
            )
        valid = self.dataset.train.take(self.halves[1])
        right = count = 0
        for images, labels in data.evaluation_batches(
            valid, self.dataset, self.recipe.batch_size
        ):
            found = self._classify(images).numpy().argmax(-1)
            right += int((found == labels.numpy()).sum())
            count += len(found)
        return right / count

    def end_epoch(self, epoch):
        """Save the state after an epoch."""
        self.epoch, self.step = epoch, 0
        self.save()

    def state(self):
        return {}, {"recipe": self.recipe.values()}

    def variables(self):
        variables = [*self.supernet.variables, *self.model.optimizer.variables]
        return {f"variable/{v.path}": v for v in variables}


class _EachStep(keras.callbacks.Callback):
    """Draws the cell of each step and sets the epoch's learning rate."""

    def __init__(self, shared):
        super().__init__()
        self.shared = shared

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.first = epoch, epoch * self.shared.steps

    def on_train_batch_begin(self, batch, logs=None):
        shared = self.shared
        number = self.first + shared.step
        rate = shared.recipe.rate_at(self.epoch, shared.step, shared.steps)
        self.model.optimizer.learning_rate = rate
        put(self.shared.supernet, self.shared.draw(number))

    def on_epoch_end(self, epoch, logs=None):
        self.shared.end_epoch(epoch + 1)
