"""Networks of NAS-Bench-201: the supernet, and what it finds.

Both are a stem, three stacks of cells with residual blocks between them, batch
norm, ReLU, global average pooling and a classifier.
"""

import keras
import tensorflow as tf

from tfnas import cost, methods
from tfnas.errors import UserError
from tfnas.layers.bench_cells import BenchCell, BenchSearchCell, ResidualBlock
from tfnas.layers.kernels import uniform
from tfnas.layers.normalization import BatchNormalization
from tfnas.layers.outgoing import EdgeOptions
from tfnas.layers.shared_trace import SharedTrace
from tfnas.layers.stem import StemConvolution
from tfnas.networks.cell_supernet import CellSupernet
from tfnas.spaces import nasbench201


@keras.saving.register_keras_serializable(package="tfnas")
class BenchSupernet(CellSupernet):
    """The network in which every edge of the one cell mixes its candidates.

    Args:
        method: name of a method, or a `Method`, of this space.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: of the first stack; None for the method's own.
        cells: number of cells, a multiple of three; None for the method's own.
        operations: candidates: None for the method's own, a list of names, or
            {"cell": lists of names, one for each of six edges}.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        inputs: normalised images, (N, H, W, C).
        training: whether batch norms use the batch's statistics.
        seed: two integers that decide what is random in training.
        radius: of the perturbation of alpha (SDARTS), or None.
        mixing: weights in place of the relaxed architecture's, as of
            `mixing_weights`; an epoch's derived cell, for example.

    Returns:
        Logits, (N, classes).

    Raises:
        UserError: for an image below 4x4 pixels, another number of cells, an
            unknown operation or method.

    Source: NAS-Bench-201 (arXiv:2001.00326), figure 1.

    Example:

    ```python
    method = methods.get("darts").with_flags({"space": "nasbench201"})
    supernet = BenchSupernet(method, channels=4, cells=3)
    print(supernet.derive().to_json())
    ```
    """

    def __init__(
        self,
        method,
        *,
        input_shape=(32, 32, 3),
        classes=10,
        channels=None,
        cells=None,
        operations=None,
        name="bench_supernet",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.method = methods.get(method)
        if self.method.space != "nasbench201":
            self.method = self.method.with_flags({"space": "nasbench201"})
        self.image_shape = tuple(input_shape)
        self.classes = classes
        self.channels = channels or self.method.channels
        self.cell_count = cells or self.method.cells[0]
        self.nodes = nasbench201.NODES
        self.operations = {
            "cell": nasbench201.per_edge(operations or self.method.operations)
        }
        _check_size(self.image_shape, self.cell_count)
        self._trace = SharedTrace()
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        self.build_architecture()
        options = {"dtype": self.dtype_policy}
        edge_options = EdgeOptions(
            partial=self.method.partial_channels,
            auxiliary_skip=self.method.auxiliary_skip,
        )

        def cell(channels, name):
            names = self.operations["cell"]
            return BenchSearchCell(
                channels, names, edge_options, name=name, **options
            )

        self.stages = _layers(cell, self.channels, self.cell_count, options)
        self.norm = BatchNormalization(name="last_norm", **options)
        self.classifier = _classifier(
            self.classes, self.channels, name="classifier", **options
        )
        shape = input_shape
        for layer in self.stages:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.norm.build(shape)
        self.classifier.build((None, shape[-1]))
        self.built = True

    def call(
        self, inputs, training=False, seed=(0, 0), radius=None, mixing=None
    ):
        weights = (mixing or self.relaxed(seed, radius))["cell"]
        x = inputs
        for index, layer in enumerate(self.stages):
            if isinstance(layer, BenchSearchCell):
                own = self.of_cell(weights, index, training, seed)
                x = layer(x, own, run=self._trace, training=training)
            else:
                x = layer(x, training=training)
        x = tf.nn.relu(self.norm(x, training=training))
        return self.classifier(tf.reduce_mean(x, [1, 2]))

    def cost(self):
        """Parameters without architecture, and multiply-adds an image."""
        return cost.supernet_cost(
            self.operations,
            input_shape=self.image_shape,
            classes=self.classes,
            channels=self.channels,
            cells=self.cell_count,
            partial=self.method.partial_channels,
        )


def build_bench_network(
    genotype,
    *,
    input_shape=(32, 32, 3),
    classes=10,
    channels=nasbench201.CHANNELS,
    cells=nasbench201.CELLS,
):
    """The network of a genotype of NAS-Bench-201, to be trained.

    Args:
        genotype: a `Genotype` of the space nasbench201.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: of the first stack.
        cells: number of cells, a multiple of three.

    Returns:
        A Functional `keras.Model`: normalised images named "image",
        (N, H, W, C), to "logits", (N, classes).

    Raises:
        UserError: for an image below 4x4 pixels or another number of cells.

    Example:

    ```python
    genotype = nasbench201.from_string(
        "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
    )
    network = build_bench_network(genotype, channels=8, cells=3)
    ```
    """
    _check_size(input_shape, cells)

    def cell(channels, name):
        return BenchCell(genotype.cell, channels, name=name)

    images = x = keras.Input(input_shape, name="image")
    for layer in _layers(cell, channels, cells, {}):
        x = layer(x)
    x = BatchNormalization(name="last_norm")(x)
    x = keras.layers.ReLU(name="last_relu")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    logits = _classifier(classes, channels, name="logits")(x)
    return keras.Model(images, logits, name="network")


def _layers(cell, channels, cells, options):
    """Stem, cells and residual blocks in their order, not yet built."""
    layers = [StemConvolution(channels, name="stem", **options)]
    each = cells // nasbench201.STACKS
    for stack in range(nasbench201.STACKS):
        if stack:
            channels *= 2
            layers.append(
                ResidualBlock(channels, name=f"block_{stack}", **options)
            )
        layers += [
            cell(channels, f"cell_{stack * each + place:02}")
            for place in range(each)
        ]
    return layers


def _classifier(classes, channels, **options):
    width = channels * 2 ** (nasbench201.STACKS - 1)
    return keras.layers.Dense(
        classes,
        kernel_initializer=uniform(width),
        bias_initializer=uniform(width),
        **options,
    )


def _check_size(input_shape, cells):
    nasbench201.check_cells(cells)
    if min(input_shape[:2]) < 4:
        raise UserError(
            f"input_shape={tuple(input_shape)}: two residual blocks need "
            "images of at least 4x4 pixels"
        )
