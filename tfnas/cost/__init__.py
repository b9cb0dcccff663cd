"""Parameters and multiply-adds of a network, counted without building it.

Parameters are the trainable ones; alpha and beta do not count. Multiply-adds
are those of convolutions and linear layers for one image, as the papers count
them: batch norms, pools, sums and the matrix products within an attention
module are left out.

A map is (height, width); stride 2 rounds an odd size up.
"""

from tfnas.cost import mobile, networks
from tfnas.cost.layers import Cost
from tfnas.cost.memory import Memory, edge_outputs, search_memory
from tfnas.cost.networks import expected_multiply_adds
from tfnas.errors import UserError

__all__ = [
    "Cost",
    "Memory",
    "edge_outputs",
    "expected_multiply_adds",
    "network_cost",
    "search_memory",
    "supernet_cost",
]

_SPACES = {"darts": networks, "mobile": mobile}


def network_cost(genotype, **size):
    """Cost of the evaluation network of a genotype, by its space.

    Args:
        genotype: a `Genotype`.
        **size: as of `cost.networks.network_cost` (space darts) or
            `cost.mobile.network_cost`.

    Returns:
        A `Cost`.

    Raises:
        UserError: for a genotype of a space whose networks are not known.

    Example:

    ```python
    network_cost(Genotype("mobile", layers=("skip",) * 19), classes=100)
    ```
    """
    genotype.validate()
    if genotype.space not in _SPACES:
        raise UserError(
            f"space={genotype.space}: costs are known for {', '.join(_SPACES)}"
        )
    return _SPACES[genotype.space].network_cost(genotype, **size)


def supernet_cost(operations, **size):
    """Cost of a supernet, by the form of its `operations`.

    Args:
        operations: those of the supernet: {"normal": ..., "reduce": ...} of
            the space darts, {"layers": ...} of the space mobile.
        **size: as of `cost.networks.supernet_cost` or
            `cost.mobile.supernet_cost`.

    Returns:
        A `Cost`.

    Example: `supernet_cost({"layers": [["mb_3x3_e6", "skip"]] * 19})`.
    """
    space = mobile if "layers" in operations else networks
    return space.supernet_cost(operations, **size)
