"""From mixing weights to a cell: the discretisations (survey, section 3.4).

The functions read the mixing weights of one kind of cell without noise, such
as the softmax of alpha, shaped (edges, operations), with the rows in the order
of `tfnas.spaces.darts.edges`, and the names of the columns of every row, since
P-DARTS keeps other operations on each edge. `none` is never chosen, but as a
candidate it takes its share of the softmax. All raise `UserError` if these
shapes disagree or if an edge offers only `none`.

Ties are decided as in each authors' code: DARTS favours the earlier edge and
operation, P-DARTS the later ones.
"""

import math
from dataclasses import replace

from tfnas.derivation.each_edge import each_edge
from tfnas.derivation.scores import (
    dirichlet,
    mixing_weights,
    sigmoid,
    softmax,
    strongest,
)
from tfnas.derivation.skip_limit import pdarts, skip_restrictions
from tfnas.derivation.threshold import threshold_edge, threshold_node
from tfnas.derivation.top2 import top2
from tfnas.spaces import darts

__all__ = [
    "derive",
    "dirichlet",
    "each_edge",
    "mixing_weights",
    "pdarts",
    "sigmoid",
    "skip_restrictions",
    "softmax",
    "strongest",
    "threshold_edge",
    "threshold_node",
    "top2",
]


def derive(
    rule,
    weights,
    operations,
    nodes=4,
    *,
    threshold=None,
    max_skips=None,
    attentions=None,
):
    """A cell by one of the rules.

    Args:
        rule: "top2", "pdarts", "threshold_node", "threshold_edge", or
            "strongest" of NAS-Bench-201.
        weights: (edges, operations) mixing weights. With edge normalisation
            (PC-DARTS) each row has been multiplied by its edge's weight.
        operations: names of the columns of each edge.
        nodes: number of nodes.
        threshold: smallest weight that the threshold rules keep.
        max_skips: largest number of skips that "pdarts" allows, or None.
        attentions: the attention of each edge (Att-DARTS), or None. They do not
            affect the choice.

    Returns:
        A `Cell`, and a line on what replaced a rule that found nothing, empty
        otherwise.

    Example:

    ```python
    weights = softmax([[0.0, 1.0], [0.0, 2.0]])
    derive("top2", weights, [("none", "sep_conv_3x3")] * 2, nodes=1)
    ```
    """
    warning = ""
    if rule == "strongest":
        cell = each_edge(weights, operations)
    elif rule == "top2":
        cell = top2(weights, operations, nodes)
    elif rule == "pdarts":
        limit = math.inf if max_skips is None else max_skips
        cell = pdarts(weights, operations, nodes, max_skips=limit)
    else:
        keep = threshold_node if rule == "threshold_node" else threshold_edge
        cell, warning = keep(weights, operations, nodes, threshold=threshold)
    if attentions is not None:
        of_edge = dict(zip(darts.edges(nodes), attentions, strict=True))
        edges = tuple(
            replace(edge, attention=of_edge[edge.source, edge.to])
            for edge in cell.edges
        )
        cell = replace(cell, edges=edges)
    return cell, warning
