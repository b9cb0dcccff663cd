"""The supernet of the mobile space.

Its layout is a reconstruction; see `tfnas.spaces.mobile`.
"""

import keras
import numpy as np
import tensorflow as tf

from tfnas import derivation
from tfnas.genotype import Genotype
from tfnas.networks.classifier import classifier
from tfnas.networks.mobile.evaluation import start
from tfnas.networks.mobile.inverted import ConvolutionBlock, MixedLayer
from tfnas.networks.search_network import SearchNetwork
from tfnas.relaxation import RELAXATIONS
from tfnas.spaces import mobile


@keras.saving.register_keras_serializable(package="tfnas")
class MobileSupernet(SearchNetwork):
    """A chain of layers, each a weighted sum of its candidates.

    Small images keep their size for longer; `spaces.mobile.SPACE.adaptation`
    says where. All variables exist from construction on.

    Args:
        method: name of a method, or a `Method`.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        width: factor on all channels, rounded to multiples of eight.
        operations: candidate operations: None for all, a list of names, or
            {"layers": lists of names, one for each layer}.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        inputs: normalised images, (N, H, W, C).
        training: whether batch norms use the batch's statistics.
        seed: two integers that decide what is random in training: samples of
            the weights (SNAS, GDAS, DrNAS) and their perturbation (SDARTS);
            None for nothing.
        radius: of that perturbation, or None.

    Returns:
        Logits, (N, classes).

    Raises:
        UserError: for an image below 4x4 pixels, an unknown operation or
            method.

    Source: Fair DARTS (arXiv:1911.12126), its search space S2.

    Example:

    ```python
    supernet = MobileSupernet("fair_darts", width=0.25)
    logits = supernet(np.zeros((2, 32, 32, 3), "float32"))
    print(supernet.derive().to_json())
    ```
    """

    home = mobile.SPACE

    def __init__(
        self,
        method="fair_darts",
        *,
        input_shape=(32, 32, 3),
        classes=10,
        width=1.0,
        operations=None,
        name="mobile_supernet",
        **kwargs,
    ):
        super().__init__(method, input_shape, classes, name=name, **kwargs)
        self.width = width
        self.channels = width * self.space.stem
        self.choose(operations)
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        layout = self.space.layout(input_shape[1:], self.width)
        names = self.operations["layers"]
        self.alphas = self.add_weight(
            name="alphas_layers",
            shape=(len(names), len(names[0])),
            initializer=keras.initializers.RandomNormal(
                stddev=self.method.alpha_deviation
            ),
        )
        self.build_schedule()
        options = {"dtype": self.dtype_policy}
        self.stem, self.first = start(layout, **options)
        self.mixed = [
            MixedLayer(
                channels, names[i], stride, name=f"layer_{i:02}", **options
            )
            for i, (channels, stride) in enumerate(layout.layers)
        ]
        self.last = ConvolutionBlock(layout.last, 1, name="last", **options)
        self.classifier = classifier(
            self.classes, layout.last, name="classifier", **options
        )
        shape = input_shape
        for layer in (self.stem, self.first, *self.mixed, self.last):
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.classifier.build((None, layout.last))
        self.built = True

    def call(self, inputs, training=False, seed=None, radius=None):
        alpha = self.alphas.value
        weights = RELAXATIONS[self.method.relaxation](alpha)
        if training and seed is not None:
            weights = self.with_noise(weights, alpha, seed, radius)
        x = self.stem(inputs, training=training)
        x = self.first(x, training=training)
        for layer, row in zip(self.mixed, tf.unstack(weights), strict=True):
            x = self._trace(layer, x, row, training=training)
        x = self.last(x, training=training)
        return self.classifier(tf.reduce_mean(x, [1, 2]))

    @property
    def architecture(self):
        """{"alphas_layers": (layers, candidates)}, columns as `operations`."""
        return {"alphas_layers": self.alphas}

    def derive(self):
        """The `Genotype` of each layer's strongest operation.

        A chain needs an operation in every layer: if none reaches the method's
        threshold, the strongest stays, and the provenance counts these layers
        under "fallback_layers".
        """
        alphas = keras.ops.convert_to_numpy(self.alphas)
        weights = derivation.mixing_weights(self.method.relaxation, alphas)
        columns = np.argmax(weights, axis=1)
        rows = zip(self.operations["layers"], columns, strict=True)
        return Genotype(
            self.space.name,
            layers=tuple(names[column] for names, column in rows),
            provenance=_weak_layers(weights, self.method.threshold),
        )

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def _weak_layers(weights, threshold):
    """Provenance that counts the layers below the threshold, if any are."""
    weak = np.count_nonzero(weights.max(axis=1) < (threshold or 0))
    if not weak:
        return {}
    return {
        "fallback_layers": f"{weak} of {len(weights)} layers have no operation "
        f"that reaches {threshold}: took the strongest instead"
    }
