"""Chains of layers with fixed shapes; only the operations are searched.

A layer's operation is an inverted bottleneck, of some kernel and expansion, or
a skip. `skip` is the identity if the layer keeps its channels and map.
Otherwise it is a 1x1 convolution with the layer's stride and a batch norm, much
as in FBNet's code and in DARTS's skips at stride 2. So every layer has the same
candidates, alpha is one matrix without dead entries, and every choice of names
is a network.
"""

import dataclasses

from tfnas import spaces
from tfnas.errors import UserError
from tfnas.genotype import OPERATIONS, Genotype
from tfnas.spaces.space import Space

_OF_CELLS = ("operations", "nodes", "cells", "stem", "attention")
_OF_CELLS += ("partial_channels", "edge_normalization", "auxiliary_skip")
_OF_CELLS += ("budget_macs", "budget_weight", "operations_kept")
_OF_CELLS += ("stop_skips", "skip_dropout", "skip_limit")
_OF_CELLS += ("later_partial_channels", "keep_alpha")


@dataclasses.dataclass(frozen=True)
class Layout:
    """Channels and strides of a network, without its operations.

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


@dataclasses.dataclass(frozen=True)
class Chain(Space):
    """A space of chains of layers.

    Args:
        name: as in `Space`.
        stages: (channels, stride of the first layer, layers) of each; other
            strides are 1.
        stem: channels of the stem.
        first: channels of the fixed first bottleneck.
        last: channels of the 1x1 convolution before the pooling.
    """

    stages: tuple[tuple[int, int, int], ...]
    stem: int
    first: int
    last: int

    derivations = ("strongest", "threshold_node")
    passed_over = ("top2", "pdarts")
    lacks = dict.fromkeys(_OF_CELLS, "has no cells")
    absent = {
        "auxiliary": "no auxiliary classifier",
        "drop_path": "no drop path",
    }
    settled = ("stem", "cells")
    cannot = {
        "be pruned": "--select=best_proxy: --space={space} has no proxy; drop "
        "one of them",
        "be tuned": "--tune: --space={space} is not tuned; drop one of them",
        "share weights": "--name=weight_sharing: has no supernet of --space="
        "{space}; use --space=darts or --space=nasbench201",
        "estimate memory": "--space={space} has no estimate of memory",
    }

    def edges(self, nodes=None):
        """The layers, from state to state."""
        count = sum(layers for _, _, layers in self.stages)
        return tuple((state, state + 1) for state in range(count))

    def choices(self):
        operations = OPERATIONS[self.name]
        return {f"layer_{i:02}": operations for i, _ in self.edges()}

    def genotype(self, chosen, provenance=None):
        layers = tuple(chosen[name] for name in self.choices())
        return Genotype(self.name, layers=layers, provenance=provenance or {})

    def size(self, channels, cells, stem="cifar"):
        return {"width": channels / self.stem}

    def supernet_size(self, method, channels, cells, nodes=None):
        return {**self.size(channels, cells), "chain": self}

    def paper_size(self, channels):
        return round(channels), len(self.edges())

    def stage_in_words(self, number, stage):
        return f"{len(self.edges())} layers"

    def layout(self, input_shape, width=1.0):
        """The `Layout` for (height, width, channels) of an image.

        `width` is a factor on all channels, rounded to multiples of eight. An
        image below 4x4 pixels or a width that is not positive raises
        `UserError`.
        """
        if not width > 0:
            raise UserError(f"width={width}: give a number above 0")
        stem_stride, *steps = self.strides(input_shape)
        channels = [c for c, _, n in self.stages for _ in range(n)]
        return Layout(
            scaled(self.stem, width),
            stem_stride,
            scaled(self.first, width),
            tuple(
                (scaled(c, width), step)
                for c, step in zip(channels, steps, strict=True)
            ),
            scaled(self.last, width),
        )

    def strides(self, input_shape):
        """Strides, 1 or 2, of the stem and then of the layers.

        Below 64 pixels as many of the first strides become 1 as it takes to
        keep the last map at 4x4 or more. Stride 2 rounds an odd size up. An
        image below 4x4 pixels raises `UserError`.
        """
        own = [s if i == 0 else 1 for _, s, n in self.stages for i in range(n)]
        steps = [2, *own]
        size = min(input_shape[:2])
        if size < 4:
            raise UserError(
                f"input_shape={tuple(input_shape)}: the {self.name} space "
                "needs images of at least 4x4 pixels"
            )
        if size < 64:
            while _reduced(size, steps) < 4:
                steps[steps.index(2)] = 1
        return tuple(steps)

    def adaptation(self, input_shape):
        """One line on what `strides` changed for small images, or ""."""
        names = ["stem", *(f"layer {i}" for i, _ in self.edges())]
        steps, whole = self.strides(input_shape), self.strides((64, 64, 3))
        changed = [
            name
            for name, usual, step in zip(names, whole, steps, strict=True)
            if usual != step
        ]
        if not changed:
            return ""
        last = "x".join(str(_reduced(size, steps)) for size in input_shape[:2])
        return (
            f"images of {input_shape[0]}x{input_shape[1]} pixels: stride 1 in "
            f"place of 2 at {', '.join(changed)}, so that the "
            f"last map is {last}"
        )


def chain_of(genotype):
    """The `Chain` of a genotype.

    A space of another kind or another number of layers raises `UserError`.
    """
    genotype.validate()
    space = spaces.get(genotype.space)
    if not isinstance(space, Chain):
        raise UserError(f"space={space.name}: give one of space mobile")
    if len(genotype.layers) != len(space.edges()):
        raise UserError(
            f"layers: {len(genotype.layers)} operations; give all "
            f"{len(space.edges())}"
        )
    return space


def parts(name):
    """Kernel size and expansion of an inverted bottleneck by its name."""
    _, kernel, expansion = name.split("_")
    return int(kernel[0]), int(expansion[1:])


def scaled(channels, width):
    """A channel count times `width`, as MobileNetV2's code rounds it.

    The nearest multiple of eight, or the next one if that took away more than
    a tenth.
    """
    target = channels * width
    nearest = max(8, int(target + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * target else nearest + 8


def _reduced(size, steps):
    for step in steps:
        size = -(-size // step)
    return size
