"""The base of all supernets: a method, its space, alpha's own loss."""

from typing import Any

import keras
import tensorflow as tf

from tfnas import cost, methods, regularization
from tfnas.layers.fast.shared_trace import SharedTrace
from tfnas.methods.rules import TEMPERED
from tfnas.relaxation import SAMPLES, perturbed


class SearchNetwork(keras.Model):
    """A network in which every architecture of a space competes.

    A subclass sets `nodes` if it has cells, then calls `choose` and `build`;
    there it makes alpha, which `architecture` names, calls `build_schedule` and
    lays out its layers.

    Args:
        method: name of a method, or a `Method`. A method of another kind of
            space moves to `home`.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: of the first cell; None for the method's own.
        cells: number of cells; None for that of the method's first stage.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Example: `Supernet`, `BenchSupernet` and `MobileSupernet`.
    """

    home: Any = None  # a `Space` of the class's kind
    nodes: int | None = None

    def __init__(
        self, method, input_shape, classes, channels=None, cells=None, **kwargs
    ):
        super().__init__(**kwargs)
        method = methods.get(method)
        if type(method.search_space) is not type(self.home):
            method = method.with_flags({"space": self.home.name})
        self.method, self.space = method, method.search_space
        self.image_shape = tuple(input_shape)
        self.classes = classes
        self.channels = channels or method.channels
        self.cell_count = cells or method.cells[0]
        self._trace = SharedTrace()

    def choose(self, operations):
        """Set the candidates, {kind: names of each edge or layer}.

        None stands for the method's own, or for all if a space has the same for
        every method.
        """
        if operations is None and self.space.candidates:
            operations = self.method.candidates()
        self.operations = self.space.per_edge(operations, self.nodes)

    def build_schedule(self):
        """Make the variables that the schedule sets."""
        self.skip_dropout_rate = self.auxiliary_weight = None
        self.beta_decay_weight = self.temperature = None
        if any(self.method.skip_dropout):
            self.skip_dropout_rate = self._scheduled("skip_dropout_rate", 0)
        if self.method.auxiliary_skip:
            self.auxiliary_weight = self._scheduled("auxiliary_weight", 1)
        if self.method.beta_decay:
            self.beta_decay_weight = self._scheduled("beta_decay_weight", 0)
        if self.method.relaxation in TEMPERED:
            initial = self.method.temperature
            self.temperature = self._scheduled("temperature", initial)

    def _scheduled(self, name, value):
        return self.add_weight(
            name=name,
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=False,
        )

    def with_noise(self, weights, alpha, seed, radius=None):
        """The weights that a step mixes by: a sample of them, perturbed.

        Args:
            weights: those without noise, (edges, candidates).
            alpha: what they come from.
            seed: two integers that decide the noise.
            radius: of SDARTS's perturbation, or None.
        """
        draw = SAMPLES.get(self.method.relaxation)
        if draw is not None:
            # Other numbers than the perturbation's.
            own = tf.random.fold_in(seed, 1)
            tau = self.temperature
            more = [] if tau is None else [tf.convert_to_tensor(tau.value)]
            weights = draw(alpha, own, *more)
        if radius is not None:
            weights = perturbed(weights, radius, seed)
        return weights

    def architecture_loss(self):
        """The loss that the method adds to alpha's step."""
        alphas = [
            variable.value
            for name, variable in self.architecture.items()
            if name.startswith("alphas")
        ]
        return regularization.own_loss(
            self.method, alphas, self.beta_decay_weight
        )

    @property
    def weight_variables(self):
        """The trainable variables besides the architecture: w."""
        architecture = {id(v) for v in self.architecture.values()}
        return [
            v for v in self.trainable_variables if id(v) not in architecture
        ]

    def cost(self):
        """Parameters without the architecture, and multiply-adds per image."""
        size = self.space.supernet_size(
            self.method, self.channels, self.cell_count, self.nodes
        )
        return cost.supernet_cost(
            self.operations,
            space=self.space.name,
            input_shape=self.image_shape,
            classes=self.classes,
            **size,
        )

    def get_config(self):
        return {
            "method": {"name": self.method.name, **self.method.values()},
            "input_shape": self.image_shape,
            "classes": self.classes,
            "operations": self.operations,
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["method"] = methods.from_values(config["method"])
        config["dtype"] = keras.saving.deserialize_keras_object(config["dtype"])
        return cls(**config)
