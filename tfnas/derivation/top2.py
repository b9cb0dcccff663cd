"""DARTS's rule, which Att-DARTS and PC-DARTS share."""

import numpy as np

from tfnas.derivation.scores import all_nodes, choosable, two_strongest
from tfnas.genotype import Cell, Edge
from tfnas.spaces import darts


def top2(weights, operations, nodes=4):
    """Keeps the two strongest edges of a node and the best operation of each.

    An edge is as strong as its best operation other than `none`. The edges
    of a node are listed from the strongest. Source: Liu et al., DARTS
    (2019), section 2.4. The method `darts` of FairDARTS is this rule on the
    sigmoid of alpha.

    Args:
        weights: (edges, operations) mixing weights.
        operations: names of the columns of each edge.
        nodes: number of nodes.

    Returns:
        A `Cell` whose output concatenates all nodes.

    Example:

    ```python
    weights = [[0.3, 0.7], [0.1, 0.9]]
    top2(weights, [("none", "sep_conv_3x3")] * 2, nodes=1)
    ```
    """
    strength = choosable(weights, operations, nodes)
    columns = np.argmax(strength, axis=1)
    edges = tuple(
        Edge(operations[row][columns[row]], *darts.edges(nodes)[row])
        for row in two_strongest(strength, nodes)
    )
    return Cell(edges, all_nodes(nodes))
