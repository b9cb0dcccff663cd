"""NAS-Bench-201's rule: every edge keeps an operation."""

import numpy as np

from tfnas.genotype import Cell, Edge
from tfnas.spaces import nasbench201


def each_edge(weights, operations):
    """Keeps the strongest operation of each edge, `none` included.

    The first of equal ones wins. Source: Dong and Yang, NAS-Bench-201 (2020),
    and the authors' code, in which `none` wins like any other operation.

    Args:
        weights: (6, operations) mixing weights.
        operations: names of the columns of each edge.

    Returns:
        A `Cell` of the space nasbench201.

    Example:

    ```python
    each_edge([[0.3, 0.7]] * 6, [("none", "skip_connect")] * 6)
    ```
    """
    columns = np.argmax(weights, axis=-1)
    rows = zip(operations, columns, nasbench201.edges(), strict=True)
    edges = tuple(Edge(names[column], *place) for names, column, place in rows)
    return Cell(edges, (nasbench201.NODES,))
