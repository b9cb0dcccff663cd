"""The mobile space of Fair DARTS: a chain of inverted bottlenecks.

Fair DARTS calls it S2 and searches it on ImageNet: 19 layers, each of which
keeps the same shape whatever it does, so that only its operation is searched:
an inverted bottleneck with a kernel of 3, 5 or 7 and an expansion of 3 or 6,
or a skip. The authors never released this space. The channels and strides
here are a reconstruction from the 19-layer networks that the same group
published as FairNAS (Chu et al., arXiv:1907.01845).

`skip` is the identity where a layer keeps its channels and map. Where it
changes them, `skip` is a 1x1 convolution with the layer's stride and a batch
norm, much as in FBNet's code, and as DARTS halves its map on a skip: so every
layer has the same seven candidates, alpha is one matrix without dead entries,
and every choice of 19 names is a network.

Source: Chu et al., Fair DARTS, arXiv:1911.12126.
"""

from dataclasses import dataclass

from tfnas.errors import UserError
from tfnas.genotype import schema

# The order is the order of the columns of alpha.
OPERATIONS = schema.OPERATIONS["mobile"]

# (channels, stride of the first layer, layers); other strides are 1.
STAGES = (
    (32, 2, 2),
    (40, 2, 4),
    (80, 2, 4),
    (96, 1, 4),
    (192, 2, 4),
    (320, 1, 1),
)
LAYERS = sum(layers for _, _, layers in STAGES)
STEM, FIRST, LAST = 32, 16, 1280


@dataclass(frozen=True)
class Layout:
    """Channels and strides of a network; the operations are left open.

    Attributes:
        stem: channels of the 3x3 convolution on the image.
        stem_stride: 1 or 2.
        first: channels of the fixed first bottleneck, without expansion.
        layers: (channels, stride) of each searched layer.
        last: channels of the 1x1 convolution before the pooling.
    """

    stem: int
    stem_stride: int
    first: int
    layers: tuple[tuple[int, int], ...]
    last: int


def layout(input_shape, width=1.0):
    """The `Layout` for a size of image.

    Args:
        input_shape: (height, width, channels) of an image.
        width: factor on all channels, which are then multiples of eight.

    Raises:
        UserError: for an image below 4x4 pixels or a width that is not
            positive.

    Example: `layout((224, 224, 3)).layers[0]` is (32, 2).
    """
    if not width > 0:
        raise UserError(f"width={width}: give a number above 0")
    stem_stride, *steps = strides(input_shape)
    channels = [scaled(c, width) for c, _, n in STAGES for _ in range(n)]
    return Layout(
        scaled(STEM, width),
        stem_stride,
        scaled(FIRST, width),
        tuple(zip(channels, steps, strict=True)),
        scaled(LAST, width),
    )


def strides(input_shape):
    """Strides of the stem and the 19 layers, 32 in all for large images.

    Below 64 pixels the first of the five strides of 2 become 1, as many as it
    takes for the last map to be at least 4x4. Stride 2 rounds an odd size up.

    Args:
        input_shape: (height, width, channels) of an image.

    Returns:
        Tuple of 20 numbers, 1 or 2; the stem's comes first.

    Raises:
        UserError: for an image below 4x4 pixels.

    Example: `strides((32, 32, 3))[:4]` is (1, 1, 1, 2).
    """
    steps = [2, *(s if i == 0 else 1 for _, s, n in STAGES for i in range(n))]
    size = min(input_shape[:2])
    if size < 4:
        raise UserError(
            f"input_shape={tuple(input_shape)}: the mobile space needs images "
            "of at least 4x4 pixels"
        )
    if size < 64:
        while _reduced(size, steps) < 4:
            steps[steps.index(2)] = 1
    return tuple(steps)


def adaptation(input_shape):
    """One line on what `strides` changed for small images, or "".

    Example: `adaptation((224, 224, 3))` is "".
    """
    names = ["stem", *(f"layer {i}" for i in range(LAYERS))]
    steps = strides(input_shape)
    changed = [
        name
        for name, whole, step in zip(
            names, strides((64, 64, 3)), steps, strict=True
        )
        if whole != step
    ]
    if not changed:
        return ""
    last = "x".join(str(_reduced(size, steps)) for size in input_shape[:2])
    return (
        f"images of {input_shape[0]}x{input_shape[1]} pixels: stride 1 in "
        f"place of 2 at {', '.join(changed)}, so that the "
        f"last map is {last}"
    )


def parts(name):
    """Kernel size and expansion of an inverted bottleneck by its name.

    Example: `parts("mb_5x5_e3")` is (5, 3).
    """
    _, kernel, expansion = name.split("_")
    return int(kernel[0]), int(expansion[1:])


def layers_of(genotype):
    """The operations of a genotype's 19 layers.

    Raises:
        UserError: for another space or another number of layers.

    Example: `layers_of(Genotype("mobile", layers=("skip",) * 19))`.
    """
    genotype.validate()
    if genotype.space != "mobile":
        raise UserError(f"space={genotype.space}: give one of space mobile")
    if len(genotype.layers) != LAYERS:
        raise UserError(
            f"layers: {len(genotype.layers)} operations; give all {LAYERS}"
        )
    return genotype.layers


def per_layer(operations=None):
    """The names of the candidates of each of the 19 layers, checked.

    Args:
        operations: None for all, names for every layer alike, or
            {"layers": 19 lists of names}, equally many in each.

    Raises:
        UserError: for an unknown name or another number of lists.

    Example: `per_layer(["mb_3x3_e3", "skip"])[18]`.
    """
    if not hasattr(operations, "keys"):
        operations = {"layers": [operations or OPERATIONS] * LAYERS}
    rows = [list(names) for names in operations["layers"]]
    if len(rows) != LAYERS or len({len(names) for names in rows}) != 1:
        raise UserError(
            f"operations['layers']: give {LAYERS} lists of equal length"
        )
    for name in sum(rows, []):
        if name not in OPERATIONS:
            raise UserError(
                f"operations['layers']: unknown {name!r}; choose from "
                f"{', '.join(OPERATIONS)}"
            )
    return rows


def scaled(channels, width):
    """A channel count times `width`, as MobileNetV2's code rounds it.

    The nearest multiple of eight, or the next one if that took away more than
    a tenth.

    Example: `scaled(40, 0.5)` is 24.
    """
    target = channels * width
    nearest = max(8, int(target + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * target else nearest + 8


def _reduced(size, steps):
    for step in steps:
        size = -(-size // step)
    return size
