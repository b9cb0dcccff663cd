"""DARTS-PT's rule: keep what the supernet misses most.

An operation's share of the mixture says little about its worth. So the trained
supernet is tested without each operation of an edge, and the edge keeps the one
without which it is right least often. Where a cell keeps two edges a node, the
edges are then tested in the same way. Between two choices the supernet is
tuned.

Source: Wang, Cheng, Chen, Tang and Hsieh, Rethinking Architecture Selection in
Differentiable NAS (ICLR 2021, arXiv:2108.04392), and the authors' code.
"""

import dataclasses

import numpy as np

from tfnas.spaces.darts import INPUTS_KEPT

# What stands for an edge in place of the column of its operation.
UNDECIDED, DROPPED = -1, -2


@dataclasses.dataclass(frozen=True)
class Choice:
    """The operation of an edge, or the edges into a node.

    Attributes:
        kind: of the cell.
        options: (edge, column) of every operation of one edge, or (edge, None)
            of every edge into one node.
        kept: how many options stay.
    """

    kind: str
    options: tuple[tuple[int, int | None], ...]
    kept: int = 1

    @property
    def is_of_edges(self):
        """Whether the options are edges."""
        return self.options[0][1] is None

    def settle(self, decided, kept):
        """The cell's decisions, once the options at some places are kept.

        Args:
            decided: of each edge the column of its operation, `UNDECIDED` or
                `DROPPED`.
            kept: places in `options`.

        Returns:
            Array like `decided`.

        Example: `Choice("normal", ((0, 1), (0, 2))).settle([-1, -1], [1])` is
        [2, -1].
        """
        decided = np.array(decided)
        for place, (edge, column) in enumerate(self.options):
            if place in kept and not self.is_of_edges:
                decided[edge] = column
            elif place not in kept and self.is_of_edges:
                decided[edge] = DROPPED
        return decided


def rounds(operations, places, rule, seed):
    """All choices: a list of rounds, one `Choice` for each kind of cell.

    First come the edges, then the nodes, in an order drawn by the seed.

    Args:
        operations: {kind: names of each edge's candidates}.
        places: (from, to) of each edge.
        rule: of the space, which decides by alpha: "top2" keeps two edges a
            node and never `none`, "strongest" all edges.
        seed: of the search.

    Example:

    ```python
    from tfnas.spaces import nasbench201

    cell = {"cell": [nasbench201.PRIMITIVES] * 6}
    len(rounds(cell, nasbench201.edges(), "strongest", 0))  # 6
    ```
    """
    rng = np.random.default_rng(seed)
    orders = []
    for kind, names in operations.items():
        choices = [
            _of_edge(kind, edge, names[edge], rule)
            for edge in rng.permutation(len(names)).tolist()
        ]
        nodes = _of_nodes(kind, places) if rule == "top2" else []
        choices += [nodes[i] for i in rng.permutation(len(nodes))]
        orders.append(choices)
    return list(zip(*orders, strict=True))


def _of_edge(kind, edge, names, rule):
    columns = [
        column
        for column, name in enumerate(names)
        if rule != "top2" or name != "none"
    ]
    return Choice(kind, tuple((edge, column) for column in columns))


def _of_nodes(kind, places):
    """The nodes that have more edges than they keep."""
    into = {}
    for edge, (_, node) in enumerate(places):
        into.setdefault(node, []).append((edge, None))
    return [
        Choice(kind, tuple(edges), INPUTS_KEPT)
        for edges in into.values()
        if len(edges) > INPUTS_KEPT
    ]


def missed_most(found, count):
    """The places of the removals that hurt most.

    Of equal accuracies the larger loss decides, then the earlier place. (The
    authors take the first operation of equal accuracy, and drop the last edge.)

    Args:
        found: (accuracy, loss) without each option.
        count: how many.

    Example: `missed_most([(0.9, 0.3), (0.8, 0.5), (0.8, 0.6)], 1)` is [2].
    """
    order = sorted(
        range(len(found)), key=lambda place: (found[place][0], -found[place][1])
    )
    return sorted(order[:count])
