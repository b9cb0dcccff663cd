"""The cheapest network that a search for cells could find."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfnas.cost.darts import candidate_multiply_adds
from tfnas.spaces import darts


def smallest_multiply_adds(
    candidates: Sequence[str],
    *,
    nodes: int = 4,
    by_threshold: bool = False,
    skip_limit: int | None = None,
    edge_attentions: Sequence[str] = (),
    cell_attentions: Sequence[str] = (),
    **size: Any,
) -> int:
    """Multiply-adds of the cheapest network that a rule can derive.

    Two edges of each node stay, with an operation other than `none`; a
    threshold may leave a cell a single edge from an input.

    Args:
        candidates: names of the operations that compete on every edge.
        nodes: nodes of a cell.
        by_threshold: whether the rule is one of Fair DARTS's.
        skip_limit: most skips in the normal cell, or None for any number.
        edge_attentions: as in `candidate_multiply_adds`.
        cell_attentions: as in `candidate_multiply_adds`.
        **size: passed to `candidate_multiply_adds`.

    Returns:
        An integer.

    Example:

    ```python
    smallest_multiply_adds(["skip_connect", "sep_conv_3x3"], cells=8)
    ```
    """
    nodes = 1 if by_threshold else nodes
    rows = [list(candidates)] * len(darts.edges(nodes))
    macs, total = candidate_multiply_adds(
        dict.fromkeys(darts.KINDS, rows),
        nodes=nodes,
        edge_attentions=edge_attentions,
        cell_attentions=cell_attentions,
        **size,
    )
    for kind, own in macs.items():
        limit = skip_limit if kind == "normal" else None
        second = _cheapest(own["betas"], edge_attentions)
        options = [
            _options(row, candidates, added)
            for row, added in zip(own["alphas"], second, strict=True)
        ]
        if by_threshold:
            total += min(cost for edge in options for _, cost in edge)
        else:
            total += _cell(options, nodes, math.inf if limit is None else limit)
        total += _cheapest(own["gammas"], cell_attentions)
    return int(total)


def _cheapest(costs, names):
    """The least along the last axis without `none`; 0 without names."""
    known = [i for i, name in enumerate(names) if name != "none"]
    return np.min(costs[..., known], axis=-1) if known else costs.sum(-1)


def _options(row, names, added):
    """(is a skip, multiply-adds) of an edge's skip and its cheapest other."""
    found = {}
    for name, cost in zip(names, row, strict=True):
        if name != "none":
            skip = name == "skip_connect"
            found[skip] = min(found.get(skip, math.inf), cost + added)
    return list(found.items())


def _cell(options, nodes, limit):
    """The least of a cell with at most `limit` skips, or with the fewest."""
    places = darts.edges(nodes)
    least = {0: 0}
    for node in range(2, nodes + 2):
        edges = [options[i] for i, (_, to) in enumerate(places) if to == node]
        reached = {}
        for before, pair in itertools.product(
            least.items(), itertools.combinations(edges, 2)
        ):
            for kept in itertools.product(*pair):
                skips, cost = map(sum, zip(before, *kept, strict=True))
                reached[skips] = min(reached.get(skips, math.inf), cost)
        least = reached
    fewest = min(least)
    return min(
        cost for skips, cost in least.items() if skips <= max(limit, fewest)
    )
