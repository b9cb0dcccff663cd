"""Evaluation networks: genotypes to be trained (survey 3.4)."""

import collections

import keras

from tfnas.errors import UserError
from tfnas.layers.auxiliary import AuxiliaryHead, TrainingReLU
from tfnas.layers.drop_path import DropPath
from tfnas.layers.stem import StemConvolution
from tfnas.networks.classifier import pooled_logits
from tfnas.networks.genotype_cell import GenotypeCell
from tfnas.spaces import darts


def build_cell_network(
    genotype,
    *,
    input_shape,
    classes,
    channels,
    cells,
    stem,
    auxiliary,
    drop_path,
):
    """The network of a genotype of the space darts, see `build_network`."""
    check_size(input_shape, channels, cells, stem)

    images = keras.Input(input_shape, name="image")
    stack = _cells(genotype, channels, cells, stem)
    factors = [None] * cells
    if drop_path:
        paths = [len(cell.paths) for cell in stack]
        factors = DropPath(drop_path, paths, name="drop_path")(images)
    states = _STEMS[stem](images, channels)
    for index, cell in enumerate(stack):
        states = [states[1], cell(states, factors=factors[index])]
        if index == darts.reductions(cells)[1]:
            middle = states[1]

    if not auxiliary:
        logits = pooled_logits(states[1], classes)
        return keras.Model(images, logits, name="network")
    head = AuxiliaryHead(
        classes,
        stride=_HEAD_STRIDES[stem],
        second_norm=darts.auxiliary_norms(genotype, stem) == 2,
        name="auxiliary",
    )
    if middle is states[1]:
        states[1] = TrainingReLU(name="in_place")(middle)
    outputs = {
        "logits": pooled_logits(states[1], classes),
        "auxiliary": head(middle),
    }
    return keras.Model(images, outputs, name="network")


def _cells(genotype, channels, count, stem):
    """The cells in their order, not yet built."""
    drop = "node" if _is_fair(genotype) else "edge"
    stack, after_reduction = [], stem == "imagenet"
    for index in range(count):
        reduction = index in darts.reductions(count)
        channels *= 2 if reduction else 1
        stack.append(
            GenotypeCell(
                genotype.reduce if reduction else genotype.normal,
                channels,
                reduction=reduction,
                after_reduction=after_reduction,
                drop=drop,
                name=f"cell_{index:02}",
            )
        )
        after_reduction = reduction
    return stack


def _is_fair(genotype):
    """Whether the network is Fair DARTS's, which has irregular cells."""
    degrees = [
        degree
        for cell in genotype.cells.values()
        for degree in collections.Counter(e.to for e in cell.edges).values()
    ]
    method = genotype.provenance.get("method")
    return method == "fair_darts" or any(degree != 2 for degree in degrees)


# === Stems: from images to the inputs of the first cell ===


def _cifar_stem(images, channels):
    x = StemConvolution(3 * channels, name="stem")(images)
    return [x, x]


def _imagenet_stem(images, channels):
    x = StemConvolution(channels // 2, stride=2, name="stem_0")(images)
    outputs = []
    for name in ("stem_1", "stem_2"):
        layer = StemConvolution(channels, stride=2, activate=True, name=name)
        x = layer(x)
        outputs.append(x)
    return outputs


_STEMS = {"cifar": _cifar_stem, "imagenet": _imagenet_stem}
_HEAD_STRIDES = {"cifar": 3, "imagenet": 2}


# === Bad input ===


def check_size(input_shape, channels, cells, stem):
    """Refuse a network without channels or cells, and images too small."""
    for name, value in (("channels", channels), ("cells", cells)):
        if value < 1:
            raise UserError(f"{name}={value}: give at least 1")
    least = {"cifar": 4, "imagenet": 32}[stem]
    if min(input_shape[:2]) < least:
        raise UserError(
            f"input_shape={tuple(input_shape)}: the stem {stem} and two "
            f"reductions need images of at least {least}x{least} pixels"
        )
    if stem == "imagenet" and channels % 2:
        raise UserError(
            f"channels={channels}: the stem imagenet starts with half as "
            "many, so give an even number"
        )
