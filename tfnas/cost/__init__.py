"""Parameters and multiply-adds of a network, counted without building it.

Parameters are the trainable ones; alpha and beta do not count. Multiply-adds
are those of convolutions and linear layers for one image, as the papers count
them: batch norms, pools, sums and the matrix products within an attention
module are left out.

A map is (height, width); stride 2 rounds an odd size up.
"""

from tfnas.cost import darts, mobile, nasbench201
from tfnas.cost.darts import candidate_multiply_adds
from tfnas.cost.layers import Cost
from tfnas.cost.memory import Memory, edge_outputs, search_memory
from tfnas.cost.smallest import smallest_multiply_adds
from tfnas.spaces.mobile import STEM

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
]

_SPACES = {"darts": darts, "mobile": mobile, "nasbench201": nasbench201}


def network_cost(genotype, **size):
    """Cost of the evaluation network of a genotype, by its space.

    Args:
        genotype: a `Genotype`.
        **size: as of `cost.networks.network_cost` (space darts) or
            the module of this package with the space's name.

    Returns:
        A `Cost`.

    Example:

    ```python
    network_cost(Genotype("mobile", layers=("skip",) * 19), classes=100)
    ```
    """
    genotype.validate()
    return _SPACES[genotype.space].network_cost(genotype, **size)


def built_cost(genotype, *, channels, cells, stem="cifar", **images):
    """Cost of the network that `build_network` makes of the same arguments.

    Args:
        genotype: a `Genotype`.
        channels: as of `tfnas.build_network`.
        cells: as of `tfnas.build_network`.
        stem: as of `tfnas.build_network`.
        **images: `input_shape` and `classes`.

    Returns:
        A `Cost`.

    Example: `built_cost(genotype, channels=16, cells=8, classes=10)`.
    """
    sizes = {
        "darts": {"channels": channels, "cells": cells, "stem": stem},
        "mobile": {"width": channels / STEM},
        "nasbench201": {"channels": channels, "cells": cells},
    }
    return network_cost(genotype, **sizes[genotype.space], **images)


def supernet_cost(operations, **size):
    """Cost of a supernet, by the form of its `operations`.

    Args:
        operations: those of the supernet: {"normal": ..., "reduce": ...} of
            the space darts, {"layers": ...} of the space mobile, {"cell":
            ...} of the space nasbench201.
        **size: as of `cost.networks.supernet_cost` or that of the module of
            this package with the space's name.

    Returns:
        A `Cost`.

    Example: `supernet_cost({"layers": [["mb_3x3_e6", "skip"]] * 19})`.
    """
    spaces = {"normal": darts, "layers": mobile, "cell": nasbench201}
    return spaces[next(iter(operations))].supernet_cost(operations, **size)
