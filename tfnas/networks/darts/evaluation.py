"""Evaluation networks: what a genotype is trained as (survey 3.4)."""

import collections

import keras

from tfnas.errors import UserError
from tfnas.layers.auxiliary import AuxiliaryHead, TrainingReLU
from tfnas.layers.drop_path import DropPath
from tfnas.layers.fast.kernels import uniform
from tfnas.layers.stem import StemConvolution
from tfnas.networks.genotype_cell import GenotypeCell
from tfnas.networks.mobile.evaluation import build_mobile_network
from tfnas.networks.nasbench201.evaluation import build_bench_network
from tfnas.spaces import darts, mobile


def build_network(
    genotype,
    *,
    input_shape=(32, 32, 3),
    classes=10,
    channels=36,
    cells=20,
    stem="cifar",
    auxiliary=False,
    drop_path=0.0,
):
    """The network of a genotype, to be trained from new weights.

    In the space darts: stem, cells, global average pooling, classifier; the
    cells a third and two thirds into the stack are reduction cells. Drop path
    removes single edges in training, and whole nodes in Fair DARTS's cells:
    those whose provenance names `fair_darts` as their method, or in which a
    node has other than two edges. With `drop_path` the network has a layer of
    that name with the variables `rate`, which a schedule sets every epoch,
    and `seed`, see `DropPath`.

    In the space mobile: `build_mobile_network`, wider than published by
    `channels / 32`, the channels of its stem; its 19 layers and its image
    size settle `cells` and `stem`.

    In the space nasbench201: `build_bench_network`; published networks have 16
    channels and 15 cells.

    Args:
        genotype: a `Genotype`.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: channels of a node in the first cell.
        cells: number of cells.
        stem: "cifar", or "imagenet", which halves the map three times.
        auxiliary: whether there is a second classifier two thirds into the
            network, see `AuxiliaryHead`.
        drop_path: the largest rate of drop path. The variable `rate` starts
            with it.

    Returns:
        A Functional `keras.Model`: normalised images named "image",
        (N, H, W, C), to "logits", (N, classes); with `auxiliary` to a dict of
        "logits" and "auxiliary", both (N, classes).

    Raises:
        UserError: for an unknown stem, an image too small, or an option that
            the space does not have.

    Source: the evaluation networks of DARTS (arXiv:1806.09055, sections 3.2,
    3.3), P-DARTS, Fair DARTS and Att-DARTS, as in the authors' code.

    Example:

    ```python
    cell = Cell((Edge("sep_conv_3x3", 0, 2), Edge("skip_connect", 1, 2)), (2,))
    genotype = Genotype("darts", normal=cell, reduce=cell)
    network = tfnas.build_network(genotype, channels=8, cells=6)
    ```
    """
    genotype.validate()
    if stem not in _STEMS:
        raise UserError(f"stem={stem}: use one of {', '.join(_STEMS)}")
    if not 0 <= drop_path < 1:
        raise UserError(f"drop_path={drop_path}: give a rate from 0 to below 1")
    if genotype.space != "darts":
        space = genotype.space
        _refuse(auxiliary, "auxiliary", space, "no auxiliary classifier")
        _refuse(drop_path, "drop_path", space, "no drop path")
    if genotype.space == "nasbench201":
        _refuse(stem.removeprefix("cifar"), "stem", space, "the stem cifar")
        return build_bench_network(
            genotype,
            input_shape=input_shape,
            classes=classes,
            channels=channels,
            cells=cells,
        )
    if genotype.space == "mobile":
        return build_mobile_network(
            genotype,
            input_shape=input_shape,
            classes=classes,
            width=channels / mobile.STEM,
        )
    _check_size(input_shape, channels, cells, stem)

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
        logits = _classifier(states[1], classes)
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
        "logits": _classifier(states[1], classes),
        "auxiliary": head(middle),
    }
    return keras.Model(images, outputs, name="network")


def _classifier(x, classes):
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    width = x.shape[-1]
    return keras.layers.Dense(
        classes,
        kernel_initializer=uniform(width),
        bias_initializer=uniform(width),
        name="logits",
    )(x)


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
    """Whether the network is Fair DARTS's, which knows irregular cells."""
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


def _check_size(input_shape, channels, cells, stem):
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


def _refuse(given, name, space, missing):
    if given:
        raise UserError(
            f"{name}={given}: networks of space {space} have {missing}; "
            "leave it out"
        )
