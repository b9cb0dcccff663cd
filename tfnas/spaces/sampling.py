"""Search spaces as lists of choices, for searches that have no gradient."""

import itertools

from tfnas.errors import UserError
from tfnas.genotype import Cell, Edge, Genotype
from tfnas.spaces import darts, mobile, nasbench201

NODES = 4


def choices(space):
    """What has to be chosen to make a genotype of a space.

    In the space darts each node of both cells has two different earlier states
    and an operation for each; `none` is no choice, as in the papers' cells. In
    the space mobile each layer, in nasbench201 each edge has an operation.

    Args:
        space: its name.

    Returns:
        {name of a choice: tuple of text}; every combination is a genotype.

    Raises:
        UserError: for a name that is no space's.

    Example: `choices("nasbench201")["0_1"]` are its five operations.
    """
    if space == "darts":
        return {
            f"{kind}_{node}_{part}": options
            for kind in darts.KINDS
            for node in range(2, NODES + 2)
            for part, options in _of_node(node).items()
        }
    if space == "mobile":
        return {
            f"layer_{i:02}": mobile.OPERATIONS for i in range(mobile.LAYERS)
        }
    if space == "nasbench201":
        return {
            f"{source}_{node}": nasbench201.PRIMITIVES
            for source, node in nasbench201.edges()
        }
    raise UserError(
        f"--space={space}: no such space; use darts, mobile or nasbench201"
    )


def genotype(space, chosen, provenance=None):
    """The genotype of a combination of choices.

    Args:
        space: its name.
        chosen: {name of a choice: one of its options}.
        provenance: of the genotype.

    Returns:
        A `Genotype`.

    Example: `genotype("mobile", dict.fromkeys(choices("mobile"), "skip"))`.
    """
    provenance = provenance or {}
    if space == "mobile":
        layers = tuple(chosen[name] for name in choices(space))
        return Genotype("mobile", layers=layers, provenance=provenance)
    if space == "nasbench201":
        edges = tuple(
            Edge(chosen[f"{source}_{node}"], source, node)
            for source, node in nasbench201.edges()
        )
        cell = Cell(edges, (nasbench201.NODES,))
        return Genotype("nasbench201", cell=cell, provenance=provenance)
    cells = {kind: _cell(kind, chosen) for kind in darts.KINDS}
    return Genotype("darts", **cells, provenance=provenance)


def _of_node(node):
    pairs = itertools.combinations(range(node), 2)
    operations = tuple(op for op in darts.PRIMITIVES if op != "none")
    return {
        "from": tuple(f"{a},{b}" for a, b in pairs),
        "first": operations,
        "second": operations,
    }


def _cell(kind, chosen):
    edges = []
    for node in range(2, NODES + 2):
        sources = chosen[f"{kind}_{node}_from"].split(",")
        for part, source in zip(("first", "second"), sources, strict=True):
            op = chosen[f"{kind}_{node}_{part}"]
            edges.append(Edge(op, int(source), node))
    return Cell(tuple(edges), tuple(range(2, NODES + 2)))
