"""The space of NAS-Bench-201: small enough that every answer is known.

One cell, repeated: its input is state 0, three nodes follow, and each of the
six edges carries one of five operations, so there are 15,625 cells. All of them
were trained, so search can be told from luck. The network around the cell is
fixed: a stem, three stacks of cells, and between the stacks a residual block
that halves the map and doubles the channels.

Source: Dong and Yang, NAS-Bench-201, ICLR 2020, arXiv:2001.00326, sections 2.1
and 2.2, and the authors' code (https://github.com/D-X-Y/AutoDL-Projects).
"""

import re

from tfnas.errors import UserError
from tfnas.genotype import OPERATIONS, Cell, Edge, Genotype
from tfnas.spaces.space import Space

# The order is the order of the columns of alpha.
PRIMITIVES = OPERATIONS["nasbench201"]
NODES = 3
STACKS = 3
CHANNELS, CELLS = 16, 15


def edges():
    """The (from, to) pairs of a cell in the order of alpha's rows.

    The benchmark's strings have the same order.

    Example: `edges()[:3]` is ((0, 1), (0, 2), (1, 2)).
    """
    return tuple(
        (source, node) for node in range(1, NODES + 1) for source in range(node)
    )


class _Bench(Space):
    """The space of the one cell; its networks are three stacks of it."""

    candidates = PRIMITIVES
    nodes = NODES
    stacks = STACKS
    derivations = ("strongest", "perturbation")
    lacks = dict.fromkeys(
        ("attention", "stem", "budget_macs"), "does not have it"
    )
    absent = {
        "stem": "the stem cifar",
        "auxiliary": "no auxiliary classifier",
        "drop_path": "no drop path",
    }
    cannot = {"estimate memory": "--space={space} has no estimate of memory"}

    def edges(self, nodes=None):
        return edges()

    def choices(self):
        return {f"{source}_{node}": PRIMITIVES for source, node in edges()}

    def genotype(self, chosen, provenance=None):
        found = tuple(
            Edge(chosen[f"{source}_{node}"], source, node)
            for source, node in edges()
        )
        cell = Cell(found, (NODES,))
        return Genotype(self.name, cell=cell, provenance=provenance or {})

    def size(self, channels, cells, stem="cifar"):
        return {"channels": channels, "cells": cells}

    def supernet_size(self, method, channels, cells, nodes=None):
        size = self.size(channels, cells)
        return {**size, "partial": method.partial_channels}

    def paper_size(self, channels):
        return CHANNELS, CELLS

    def method_values(self, method):
        """A method's values for cells, turned into this space's.

        A rule of other spaces becomes the benchmark's, the strongest operation
        of each edge, `none` included; so neither threshold nor skip limit
        applies. Later stages of a search keep the same share of the candidates
        as in the space darts, and each greater depth adds a cell to every
        stack.
        """
        names = PRIMITIVES if "none" in method.operations else PRIMITIVES[1:]
        all_kept = len(method.operations)
        depths = sorted(set(method.cells), reverse=True)
        rule = method.derivation
        return {
            "operations": names,
            "nodes": NODES,
            "cells": tuple(
                CELLS - STACKS * depths.index(cells) for cells in method.cells
            ),
            "operations_kept": tuple(
                round(len(names) * kept / all_kept)
                for kept in method.operations_kept
            ),
            "derivation": rule if rule in self.derivations else "strongest",
            "threshold": None,
            "skip_limit": None,
        }


SPACE = _Bench("nasbench201")


# === The benchmark's own form of a cell ===


def to_string(genotype):
    """A genotype in the benchmark's notation.

    An edge that the genotype lacks becomes `none`.

    Args:
        genotype: a `Genotype` of this space.

    Raises:
        UserError: for another space, or two operations on one edge.

    Example:

    ```python
    cell = Cell((Edge("skip_connect", 0, 3),), (3,))
    to_string(Genotype("nasbench201", cell=cell))
    # |none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|
    ```
    """
    genotype.validate()
    if genotype.space != "nasbench201":
        raise UserError(
            f"space={genotype.space}: the benchmark holds only genotypes of "
            "space nasbench201"
        )
    found = {}
    for edge in genotype.cell.edges:
        place = edge.source, edge.to
        if place in found:
            raise UserError(
                f"cell: two operations on the edge from {edge.source} to "
                f"{edge.to}; the benchmark has one on each"
            )
        found[place] = edge.op
    nodes = [
        "|".join(
            f"{found.get((source, node), 'none')}~{source}"
            for source in range(node)
        )
        for node in range(1, NODES + 1)
    ]
    return "+".join(f"|{node}|" for node in nodes)


def from_string(text, provenance=None):
    """The genotype of a cell in the benchmark's notation.

    Args:
        text: as `to_string` returns it.
        provenance: the genotype's.

    Raises:
        UserError: for another form, edge or operation.

    Example: `from_string("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")`.
    """
    parts = re.findall(r"([a-z0-9_]+)~(\d)", text)
    names = [name for name, _ in parts]
    written = [
        Edge(name, *place) for name, place in zip(names, edges(), strict=False)
    ]
    genotype = Genotype(
        "nasbench201",
        cell=Cell(tuple(written), (NODES,)),
        provenance=provenance or {},
    )
    if len(parts) != len(edges()) or to_string(genotype) != text.strip():
        raise UserError(
            f"{text!r}: not a cell of NAS-Bench-201, such as "
            "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
        )
    return genotype
