"""Networks made of the layers: what a search trains, and what it finds.

Two registries say which are a space's. What they name is imported when it is
asked for, as it starts TensorFlow.
"""

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfnas import spaces
from tfnas.errors import UserError
from tfnas.genotype import Genotype

if TYPE_CHECKING:
    import keras

# The class of a space's supernet; it takes a `Method` and, beside
# `input_shape`, `classes` and `operations`, the values of the space's `size`.
SUPERNETS = {
    "darts": "tfnas.networks.darts.supernet.Supernet",
    "mobile": "tfnas.networks.mobile.supernet.MobileSupernet",
    "nasbench201": "tfnas.networks.nasbench201.supernet.BenchSupernet",
}
# What builds the network of a genotype of the space; it takes the same values.
BUILDERS = {
    "darts": "tfnas.networks.darts.evaluation.build_cell_network",
    "mobile": "tfnas.networks.mobile.evaluation.build_mobile_network",
    "nasbench201": "tfnas.networks.nasbench201.evaluation.build_bench_network",
}
STEMS = ("cifar", "imagenet")


def build_supernet(method, *, channels=None, cells=None, **arguments):
    """The `SearchNetwork` of a method's space.

    Channels and cells of None are the method's own, its first stage's;
    `arguments` are `input_shape`, `classes` and `operations`.
    """
    size = method.search_space.size(
        channels or method.channels, cells or method.cells[0], method.stem
    )
    return _named(SUPERNETS[method.space])(method, **size, **arguments)


def build_network(
    genotype: Genotype,
    *,
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    channels: int = 36,
    cells: int = 20,
    stem: str = "cifar",
    auxiliary: bool = False,
    drop_path: float = 0.0,
) -> "keras.Model":
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
    space = spaces.get(genotype.space)
    if stem not in STEMS:
        raise UserError(f"stem={stem}: use one of {', '.join(STEMS)}")
    if not 0 <= drop_path < 1:
        raise UserError(f"drop_path={drop_path}: give a rate from 0 to below 1")
    options = {"auxiliary": auxiliary, "drop_path": drop_path}
    given = {**options, "stem": stem.removeprefix("cifar")}
    for name, instead in space.absent.items():
        if given[name]:
            raise UserError(
                f"{name}={given[name]}: networks of space {space.name} have "
                f"{instead}; leave it out"
            )
    return _named(BUILDERS[space.name])(
        genotype,
        input_shape=input_shape,
        classes=classes,
        **space.size(channels, cells, stem),
        **{k: v for k, v in options.items() if k not in space.absent},
    )


def _named(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)
