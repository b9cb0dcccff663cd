"""Networks made of the layers: supernets, and networks of genotypes.

Two registries name those of each space. They are imported on first use, as they
start TensorFlow.
"""

import importlib

from tfnas import spaces
from tfnas.errors import UserError

# The class of a space's supernet; it takes a `Method`, `input_shape`,
# `classes`, `operations` and the values of the space's `size`.
SUPERNETS = {
    "darts": "tfnas.networks.darts.supernet.Supernet",
    "mobile": "tfnas.networks.mobile.supernet.MobileSupernet",
    "nasbench201": "tfnas.networks.nasbench201.supernet.BenchSupernet",
}
# The builder of a genotype's network; it takes the same values.
BUILDERS = {
    "darts": "tfnas.networks.darts.evaluation.build_cell_network",
    "mobile": "tfnas.networks.mobile.evaluation.build_mobile_network",
    "nasbench201": "tfnas.networks.nasbench201.evaluation.build_bench_network",
}
STEMS = ("cifar", "imagenet")


def build_supernet(method, *, channels=None, cells=None, **arguments):
    """The `SearchNetwork` of a method's space.

    Without channels and cells, those of the method's first stage count;
    `arguments` are `input_shape`, `classes` and `operations`.
    """
    size = method.search_space.size(
        channels or method.channels, cells or method.cells[0], method.stem
    )
    return _named(SUPERNETS[method.space])(method, **size, **arguments)


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
    """Like `tfnas.build_network`, but only for a `Genotype`."""
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
