"""From mixing weights to a cell: the discretisations (survey, section 3.4).

The functions read the mixing weights of one kind of cell, the softmax or
sigmoid of alpha, shaped (edges, operations), with the rows in the order of
`tfnas.spaces.darts.edges`, and the names of the columns of every row, since
P-DARTS keeps other operations on each edge. `none` is never chosen, but where
it is a candidate it has taken its share of the softmax. All raise `UserError`
if these shapes disagree or if an edge offers nothing but `none`.

Ties are decided as in the authors' code, and not alike: DARTS favours the
earlier edge and operation, P-DARTS the later ones.
"""

import math

import numpy as np

from tfnas.errors import UserError
from tfnas.genotype import Cell, Edge
from tfnas.spaces import darts


def softmax(alpha):
    """Softmax over the last axis in double precision (survey, section 3.2).

    Args:
        alpha: array, (..., operations).

    Returns:
        Float64 array of the same shape; the last axis sums to 1.

    Example:

    ```python
    softmax([0.0, 0.0])  # [0.5, 0.5]
    ```
    """
    alpha = np.asarray(alpha, np.float64)
    powers = np.exp(alpha - alpha.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(alpha):
    """Logistic function in double precision, the relaxation of FairDARTS.

    Args:
        alpha: array of any shape.

    Returns:
        Float64 array of the same shape, between 0 and 1.

    Example:

    ```python
    sigmoid([0.0])  # [0.5]
    ```
    """
    return (1 + np.tanh(np.asarray(alpha, np.float64) / 2)) / 2


def strongest(weights, names):
    """The name of each row's largest weight; the first of equal ones.

    Att-DARTS chooses the attention of an edge so, from the softmax of beta.

    Args:
        weights: (edges, names) mixing weights.
        names: names of the columns.

    Returns:
        Tuple of one name per edge.

    Example:

    ```python
    strongest([[0.3, 0.7]], ("identity", "se"))  # ("se",)
    ```
    """
    return tuple(names[column] for column in np.argmax(weights, axis=-1))


# === DARTS, Att-DARTS, PC-DARTS ===


def top2(weights, operations, nodes=4, *, edge_weights=None, attentions=None):
    """Keeps the two strongest edges of a node and the best operation of each.

    An edge is as strong as its best operation other than `none`. The edges
    of a node are listed from the strongest. Source: Liu et al., DARTS
    (2019), section 2.4. The method `darts` of FairDARTS is this rule on the
    sigmoid of alpha.

    Args:
        weights: (edges, operations) mixing weights.
        operations: names of the columns of each edge.
        nodes: number of nodes.
        edge_weights: (edges,) factors on the rows, the edge normalisation
            of PC-DARTS, or None.
        attentions: attention name of each edge (Att-DARTS), or None. They
            do not influence the choice.

    Returns:
        A `Cell` whose output concatenates all nodes.

    Example:

    ```python
    weights = softmax([[0.0, 1.0], [0.0, 2.0]])
    top2(weights, [("none", "sep_conv_3x3")] * 2, nodes=1)
    ```
    """
    if edge_weights is not None:
        weights = np.asarray(weights) * np.asarray(edge_weights)[:, None]
    scores = _scores(weights, operations, nodes)
    columns = np.argmax(scores, axis=1)
    edges = tuple(
        Edge(
            operations[row][columns[row]],
            *darts.edges(nodes)[row],
            attention=None if attentions is None else attentions[row],
        )
        for row in _two_strongest(scores, nodes)
    )
    return Cell(edges, _all_nodes(nodes))


# === P-DARTS ===


def pdarts(weights, operations, nodes=4, *, max_skips=math.inf):
    """The cell after the last stage of P-DARTS, with at most `max_skips` skips.

    The authors allow the normal cell 2 skips and do not restrict the
    reduction cell. Where no other operation is left to take a skip's place,
    the cell with the fewest skips is returned. Source: Chen et al., P-DARTS
    (2019), section 3.3, and the authors' code.

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

    Each step sets the weight of the weakest skip in the cell to 0 (of equal
    ones, on the first edge) and derives the cell again from all that is left,
    which may bring in another edge, and with it another skip.

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
    scores = _scores(weights, operations, nodes)
    while True:
        # The authors drop the smallest first, so the last of equals stays.
        columns = scores.shape[1] - 1 - np.argmax(scores[:, ::-1], axis=1)
        kept = _two_strongest(scores, nodes, later_first=True)
        edges = {
            row: Edge(operations[row][columns[row]], *darts.edges(nodes)[row])
            for row in sorted(kept)
        }
        yield Cell(tuple(edges.values()), _all_nodes(nodes))
        chosen = [row for row in edges if edges[row].op == "skip_connect"]
        strength = scores.max(axis=1)
        weakest = min(chosen, key=lambda row: strength[row], default=None)
        if weakest is None or strength[weakest] == 0:
            return
        scores[weakest, columns[weakest]] = 0


# === FairDARTS ===


def threshold_node(weights, operations, nodes=4, *, threshold=0.85):
    """The two strongest edges of a node, as far as they reach the threshold.

    A node keeps 0, 1 or 2 inputs of one operation each, from the strongest.
    Source: Chu et al., FairDARTS (2020); `threshold_sparse` in the authors'
    code, the derivation of the published cells.

    A node without inputs is absent: the cell's output leaves it out, and
    what it would feed is inert. Inert edges stay in the genotype, as in the
    published cells. A node that is fed by absent nodes alone is absent too.
    If no node is left, which stops the authors' code, the cell is derived by
    `top2`, without a threshold.

    Args:
        weights: (edges, operations) sigmoid weights.
        operations: names of the columns of each edge.
        nodes: number of nodes.
        threshold: smallest weight that is kept.

    Returns:
        A `Cell`, and a warning of one line where the threshold was given up,
        otherwise an empty one.

    Example:

    ```python
    operations = [("skip_connect", "sep_conv_3x3")] * 2
    cell, warning = threshold_node([[0.2, 0.9], [0.3, 0.4]], operations, 1)
    # one edge, sep_conv_3x3 from state 0; no warning
    ```
    """
    scores = _scores(weights, operations, nodes)
    columns = np.argmax(scores, axis=1)
    candidates = [(row, columns[row]) for row in _two_strongest(scores, nodes)]
    return _irregular(scores, operations, nodes, threshold, candidates)


def threshold_edge(weights, operations, nodes=4, *, threshold=0.85):
    """The two strongest operations of every edge that reach the threshold.

    A node may keep any number of inputs and an edge two operations, the
    weaker one first. Source: `threshold_edge` in the authors' code of
    FairDARTS. Arguments, result, absent nodes and the case where nothing is
    left are those of `threshold_node`.

    Example:

    ```python
    operations = [("skip_connect", "sep_conv_3x3")] * 2
    cell, warning = threshold_edge([[0.9, 0.95], [0.3, 0.4]], operations, 1)
    # skip_connect and sep_conv_3x3, both from state 0; no warning
    ```
    """
    scores = _scores(weights, operations, nodes)
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


# === Scores ===


def _scores(weights, operations, nodes):
    """Checked copy of the weights in which `none` can never be the best."""
    weights = np.asarray(weights, np.float64)
    names = np.asarray(operations)
    rows = len(darts.edges(nodes))
    if weights.shape != names.shape or len(weights) != rows:
        raise UserError(
            f"weights of shape {weights.shape} for operations of shape "
            f"{names.shape}: a cell of {nodes} nodes needs {rows} rows in both"
        )
    if (names == "none").all(axis=1).any():
        raise UserError(
            "operations: an edge offers only none; add another operation"
        )
    return np.where(names == "none", -np.inf, weights)


def _two_strongest(scores, nodes, *, later_first=False):
    """Rows of each node's two best edges, from the best one."""
    strength = scores.max(axis=1)
    sign = -1 if later_first else 1
    rows = []
    for node in _all_nodes(nodes):
        incoming = [
            r for r, (_, to) in enumerate(darts.edges(nodes)) if to == node
        ]
        rows += sorted(incoming, key=lambda r: (-strength[r], sign * r))[:2]
    return rows


def _all_nodes(nodes):
    return tuple(range(2, nodes + 2))
