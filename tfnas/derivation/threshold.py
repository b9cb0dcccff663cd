"""Fair DARTS's rules: operations that reach a threshold stay."""

import numpy as np

from tfnas.derivation.scores import choosable, two_strongest
from tfnas.derivation.top2 import top2
from tfnas.genotype import Cell, Edge
from tfnas.spaces import darts


def threshold_node(weights, operations, nodes=4, *, threshold=0.85):
    """The two strongest edges of a node that reach the threshold.

    A node keeps 0, 1 or 2 inputs of one operation each, the strongest first.
    Source: Chu et al., FairDARTS (2020); `threshold_sparse` in the authors'
    code, the derivation of the published cells.

    A node without inputs is absent: the cell's output leaves it out, and its
    edges are inert. Inert edges stay in the genotype, as in the published
    cells. A node fed only by absent nodes is absent too. If no node is left,
    which stops the authors' code, `top2` derives the cell, without a threshold.

    Args:
        weights: (edges, operations) sigmoid weights.
        operations: names of the columns of each edge.
        nodes: number of nodes.
        threshold: smallest weight to keep.

    Returns:
        A `Cell`, and a warning of one line if the threshold was given up,
        otherwise an empty one.

    Example:

    ```python
    operations = [("skip_connect", "sep_conv_3x3")] * 2
    cell, warning = threshold_node([[0.2, 0.9], [0.3, 0.4]], operations, 1)
    # one edge, sep_conv_3x3 from state 0; no warning
    ```
    """
    scores = choosable(weights, operations, nodes)
    columns = np.argmax(scores, axis=1)
    candidates = [(row, columns[row]) for row in two_strongest(scores, nodes)]
    return _irregular(scores, operations, nodes, threshold, candidates)


def threshold_edge(weights, operations, nodes=4, *, threshold=0.85):
    """The two strongest operations of every edge that reach the threshold.

    A node may keep any number of inputs and an edge two operations, the weaker
    one first. Source: `threshold_edge` in the authors' code of FairDARTS.
    Arguments, result, absent nodes and the case that nothing is left are those
    of `threshold_node`.

    Example:

    ```python
    operations = [("skip_connect", "sep_conv_3x3")] * 2
    cell, warning = threshold_edge([[0.9, 0.95], [0.3, 0.4]], operations, 1)
    # skip_connect and sep_conv_3x3, both from state 0; no warning
    ```
    """
    scores = choosable(weights, operations, nodes)
    ascending = np.argsort(scores, axis=1, kind="stable")
    candidates = [
        (row, column)
        for row, columns in enumerate(ascending)
        for column in columns[-2:]
    ]
    return _irregular(scores, operations, nodes, threshold, candidates)


def _irregular(scores, operations, nodes, threshold, candidates):
    edges = tuple(
        Edge(operations[row][column], *darts.edges(nodes)[row])
        for row, column in candidates
        if scores[row, column] >= threshold
    )
    live = Cell(edges, ()).live_states()[2:]
    if live:
        return Cell(edges, live), ""
    return top2(scores, operations, nodes), (
        f"no path of operations that reach {threshold} leads from the inputs "
        "to a node: took the two strongest edges of each node instead"
    )
