"""P-DARTS's rule: DARTS's with other ties and a skip limit."""

import math

import numpy as np

from tfnas.derivation.scores import all_nodes, choosable, two_strongest
from tfnas.genotype import Cell, Edge
from tfnas.spaces import darts


def pdarts(weights, operations, nodes=4, *, max_skips=math.inf):
    """The cell after the last stage of P-DARTS, with at most `max_skips` skips.

    The authors allow the normal cell 2 skips and do not restrict the reduction
    cell. If no other operation is left to replace a skip, the cell with the
    fewest skips is returned. Source: Chen et al., P-DARTS (2019), section 3.3,
    and the authors' code.

    Args:
        weights: (edges, operations) mixing weights of the last stage.
        operations: names of the columns of each edge.
        nodes: number of nodes.
        max_skips: largest number of skips in the cell.

    Returns:
        A `Cell` with two edges per node, in the order of the edges.

    Example:

    ```python
    operations = [("skip_connect", "sep_conv_3x3")] * 2
    pdarts([[0.9, 0.1], [0.6, 0.4]], operations, nodes=1, max_skips=1)
    ```
    """
    for cell in skip_restrictions(weights, operations, nodes):
        if sum(edge.op == "skip_connect" for edge in cell.edges) <= max_skips:
            break
    return cell


def skip_restrictions(weights, operations, nodes=4):
    """The cells on the way from no restriction to no skip at all.

    Each step sets the weight of the cell's weakest skip to 0 (of equal ones,
    on the first edge) and derives the cell again, which may bring in another
    edge, and with it another skip.

    Args:
        weights: (edges, operations) mixing weights of the last stage.
        operations: names of the columns of each edge.
        nodes: number of nodes.

    Yields:
        `Cell` after `Cell`; the first is unrestricted.

    Example:

    ```python
    operations = [("skip_connect", "sep_conv_3x3")] * 2
    list(skip_restrictions([[0.9, 0.1], [0.6, 0.4]], operations, nodes=1))
    # three cells: two skips, the skip of the first edge, none
    ```
    """
    scores = choosable(weights, operations, nodes)
    while True:
        # The authors drop the smallest first, so the last of equals stays.
        columns = scores.shape[1] - 1 - np.argmax(scores[:, ::-1], axis=1)
        kept = two_strongest(scores, nodes, later_first=True)
        edges = {
            row: Edge(operations[row][columns[row]], *darts.edges(nodes)[row])
            for row in sorted(kept)
        }
        yield Cell(tuple(edges.values()), all_nodes(nodes))
        chosen = [row for row in edges if edges[row].op == "skip_connect"]
        strength = scores.max(axis=1)
        weakest = min(chosen, key=lambda row: strength[row], default=None)
        if weakest is None or strength[weakest] == 0:
            return
        scores[weakest, columns[weakest]] = 0
