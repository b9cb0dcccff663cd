"""The cell space of DARTS (survey, section 3.1).

A network is a stack of two kinds of cell. A cell has two inputs, the outputs
of the two cells before it, and some nodes (four in all four papers). A node
is the sum over its edges from every earlier state, and the search picks the
operation of each edge. Two reduction cells, a third and two thirds into the
network, halve the map and double the channels.

Source: Liu et al., DARTS, 2019, section 2.1 and the authors' code
(https://github.com/quark0/darts, `cnn/genotypes.py`, `model_search.py`).
"""

import itertools

from tfnas.genotype import ATTENTIONS, OPERATIONS, Cell, Edge, Genotype
from tfnas.spaces.space import Space

KINDS = ("normal", "reduce")
NODES = 4
# The edges into a node that a derived cell keeps.
INPUTS_KEPT = 2
# The order is the order of the columns of alpha.
PRIMITIVES = OPERATIONS["darts"][:8]
# The candidates that a search may have: NASNet's pair of convolutions occurs
# only in published cells.
CANDIDATES = tuple(op for op in OPERATIONS["darts"] if op != "conv_7x1_1x7")


def edges(nodes=NODES):
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


def reductions(cells):
    """Returns the two positions, from 0, of the reduction cells.

    Args:
      cells: how many cells the network has.

    Example:

    ```python
    assert reductions(20) == (6, 13)
    ```
    """
    return cells // 3, 2 * cells // 3


def auxiliary_norms(genotype, stem):
    """How many batch norms the auxiliary classifier has, 1 or 2.

    The authors' ImageNet heads lack the second one by oversight, as a comment
    in DARTS's code says; only P-DARTS's has it. As with Fair DARTS's drop path,
    the provenance says whose network it is.
    """
    pdarts = genotype.provenance.get("method") == "pdarts"
    return 2 if stem == "cifar" or pdarts else 1


class _Darts(Space):
    """The space of stacks of normal and reduction cells."""

    candidates = CANDIDATES
    competing = ATTENTIONS[1:]
    derivations = ("top2", "pdarts", "threshold_node", "threshold_edge")
    derivations += ("perturbation",)

    def edges(self, nodes=None):
        return edges(nodes or NODES)

    def choices(self):
        """Two different earlier states for each node, with an operation each.

        `none` cannot be chosen, as in the papers' cells.
        """
        return {
            f"{kind}_{node}_{part}": options
            for kind in KINDS
            for node in range(2, NODES + 2)
            for part, options in _of_node(node).items()
        }

    def genotype(self, chosen, provenance=None):
        cells = {kind: _cell(kind, chosen) for kind in KINDS}
        return Genotype(self.name, **cells, provenance=provenance or {})

    def size(self, channels, cells, stem="cifar"):
        return {"channels": channels, "cells": cells, "stem": stem}

    def supernet_size(self, method, channels, cells, nodes=None):
        return {
            **self.size(channels, cells, method.stem),
            "nodes": nodes or method.nodes,
            "edge_attentions": method.placement.second,
            "cell_attentions": method.placement.end,
            "partial": method.partial_channels,
            "auxiliary_skip": method.auxiliary_skip,
        }

    def paper_size(self, channels):
        return 36, 20


def _of_node(node):
    pairs = itertools.combinations(range(node), 2)
    operations = tuple(op for op in PRIMITIVES if op != "none")
    return {
        "from": tuple(f"{a},{b}" for a, b in pairs),
        "first": operations,
        "second": operations,
    }


def _cell(kind, chosen):
    found = []
    for node in range(2, NODES + 2):
        sources = chosen[f"{kind}_{node}_from"].split(",")
        for part, source in zip(("first", "second"), sources, strict=True):
            op = chosen[f"{kind}_{node}_{part}"]
            found.append(Edge(op, int(source), node))
    return Cell(tuple(found), tuple(range(2, NODES + 2)))


SPACE = _Darts("darts")
