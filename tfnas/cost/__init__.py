"""Parameters and multiply-adds of a network, counted without building it.

Parameters are trainable; alpha and beta do not count. Multiply-adds are those
of convolutions and linear layers for one image, as in the papers: batch norms,
pools, sums and the matrix products within an attention module are left out.

A map is (height, width); stride 2 rounds an odd size up.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from tfnas import spaces
from tfnas.cost.darts import candidate_multiply_adds
from tfnas.cost.layers import Cost
from tfnas.cost.memory import (
    Memory,
    edge_outputs,
    search_memory,
    training_memory,
)
from tfnas.cost.smallest import smallest_multiply_adds
from tfnas.genotype import Genotype
from tfnas.genotype.schema import PARTS

__all__ = [
    "Cost",
    "Memory",
    "built_cost",
    "candidate_multiply_adds",
    "edge_outputs",
    "network_cost",
    "search_memory",
    "smallest_multiply_adds",
    "supernet_cost",
    "training_memory",
]

# Each space's module with `network_cost` and `supernet_cost`.
COSTS = {
    "darts": "tfnas.cost.darts",
    "mobile": "tfnas.cost.mobile",
    "nasbench201": "tfnas.cost.nasbench201",
}


def network_cost(genotype: Genotype, **size: Any) -> Cost:
    """Cost of the evaluation network of a genotype, by its space.

    Args:
        genotype: a `Genotype`.
        **size: passed to the function of this name in the space's module.

    Returns:
        A `Cost`.

    Example:

    ```python
    network_cost(Genotype("mobile", layers=("skip",) * 19), classes=100)
    ```
    """
    genotype.validate()
    return _of(genotype.space).network_cost(genotype, **size)


def built_cost(
    genotype: Genotype,
    *,
    channels: int,
    cells: int,
    stem: str = "cifar",
    **images: Any,
) -> Cost:
    """Cost of the network that `build_network` makes of the same arguments.

    Args:
        genotype: a `Genotype`.
        channels: as in `tfnas.build_network`.
        cells: as in `tfnas.build_network`.
        stem: as in `tfnas.build_network`.
        **images: `input_shape` and `classes`.

    Returns:
        A `Cost`.

    Example:

    ```python
    genotype = Genotype("mobile", layers=("skip",) * 19)
    built_cost(genotype, channels=16, cells=19, classes=10)
    ```
    """
    size = spaces.get(genotype.space).size(channels, cells, stem)
    return network_cost(genotype, **size, **images)


def supernet_cost(
    operations: Mapping[str, Sequence[Sequence[str]]],
    *,
    space: str | None = None,
    **size: Any,
) -> Cost:
    """Cost of a supernet.

    Args:
        operations: those of the supernet: {"normal": ..., "reduce": ...} of
            the space darts, {"layers": ...} of the space mobile, {"cell":
            ...} of the space nasbench201.
        space: its name; None for the first space whose operations have this
            form.
        **size: passed to the function of this name in the space's module.

    Returns:
        A `Cost`.

    Example:

    ```python
    supernet_cost({"layers": [["mb_3x3_e6", "skip"]] * 19}).parameters
    ```
    """
    alike = (name for name in PARTS if set(PARTS[name]) == set(operations))
    return _of(space or next(alike)).supernet_cost(operations, **size)


def _of(space):
    return importlib.import_module(COSTS[space])
