"""Networks that a search of NAS-Bench-201 finds.

Like their supernet, they are a stem, three stacks of cells with residual blocks
between them, batch norm, ReLU, global average pooling and a classifier.
"""

import keras

from tfnas.errors import UserError
from tfnas.layers.fast.normalization import BatchNormalization
from tfnas.layers.stem import StemConvolution
from tfnas.networks.classifier import pooled_logits
from tfnas.networks.nasbench201.cells import BenchCell, ResidualBlock
from tfnas.spaces import nasbench201


def build_bench_network(
    genotype,
    *,
    input_shape=(32, 32, 3),
    classes=10,
    channels=nasbench201.CHANNELS,
    cells=nasbench201.CELLS,
):
    """The trainable network of a genotype of NAS-Bench-201.

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
    check_size(input_shape, cells)

    def cell(channels, name):
        return BenchCell(genotype.cell, channels, name=name)

    images = x = keras.Input(input_shape, name="image")
    for layer in layers_of(cell, channels, cells, {}):
        x = layer(x)
    x = BatchNormalization(name="last_norm")(x)
    x = keras.layers.ReLU(name="last_relu")(x)
    return keras.Model(images, pooled_logits(x, classes), name="network")


def layers_of(cell, channels, cells, options):
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


def check_size(input_shape, cells):
    """Refuse images too small, and cells that do not make three stacks."""
    nasbench201.SPACE.check_cells(cells)
    if min(input_shape[:2]) < 4:
        raise UserError(
            f"input_shape={tuple(input_shape)}: two residual blocks need "
            "images of at least 4x4 pixels"
        )
