"""The cell space of DARTS (survey, section 3.1).

A network is a stack of two kinds of cell. A cell has two inputs, the outputs
of the two cells before it, and some nodes (four in all four papers). A node
is the sum over its edges from every earlier state, and the search picks the
operation of each edge. Two reduction cells, a third and two thirds into the
network, halve the map and double the channels.

Source: Liu et al., DARTS, 2019, section 2.1 and the authors' code
(https://github.com/quark0/darts, `cnn/genotypes.py`, `model_search.py`).
"""

from tfnas.genotype import OPERATIONS

# The order is the order of the columns of alpha.
PRIMITIVES = OPERATIONS["darts"][:8]


def edges(nodes: int = 4) -> tuple[tuple[int, int], ...]:
    """Returns the (from, to) pairs of a cell in the order of alpha's rows.

    Args:
      nodes: how many nodes the cell has; they are states 2, 3, ...

    Example:

    ```python
    assert edges(2) == ((0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    ```
    """
    return tuple(
        (source, node) for node in range(2, nodes + 2) for source in range(node)
    )


def reductions(cells: int) -> tuple[int, int]:
    """Returns the two positions, from 0, of the reduction cells.

    Args:
      cells: how many cells the network has.

    Example:

    ```python
    assert reductions(20) == (6, 13)
    ```
    """
    return cells // 3, 2 * cells // 3
