"""The cell space of DARTS (survey, section 3.1).

A network is a stack of two kinds of cell. A cell has two inputs, the outputs
of the two cells before it, and some nodes (four in all four papers). A node
is the sum over its edges from every earlier state, and the search picks the
operation of each edge. Two reduction cells, a third and two thirds into the
network, halve the map and double the channels.

Source: Liu et al., DARTS, 2019, section 2.1 and the authors' code
(https://github.com/quark0/darts, `cnn/genotypes.py`, `model_search.py`).
"""

from tfnas.errors import UserError
from tfnas.genotype import ATTENTIONS, OPERATIONS

KINDS = ("normal", "reduce")
# The order is the order of the columns of alpha.
PRIMITIVES = OPERATIONS["darts"][:8]
# What a search may be told to choose from: NASNet's pair of convolutions is
# in published cells only.
CANDIDATES = tuple(op for op in OPERATIONS["darts"] if op != "conv_7x1_1x7")


def edges(nodes: int = 4) -> tuple[tuple[int, int], ...]:
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


def reductions(cells: int) -> tuple[int, int]:
    """Returns the two positions, from 0, of the reduction cells.

    Args:
      cells: how many cells the network has.

    Example:

    ```python
    assert reductions(20) == (6, 13)
    ```
    """
    return cells // 3, 2 * cells // 3


def per_edge(operations, nodes: int = 4) -> dict[str, list[list[str]]]:
    """Returns the candidates of each edge, checked.

    Args:
      operations: names for every edge, or {"normal": names of each edge,
        "reduce": the same}.
      nodes: how many nodes a cell has.

    Raises:
      UserError: if edges are missing, an edge has fewer candidates than
        another, or a name is unknown.

    Example:

    ```python
    per_edge(["skip_connect", "sep_conv_3x3"])["reduce"][13]
    ```
    """
    count = len(edges(nodes))
    if not hasattr(operations, "keys"):
        operations = {kind: [list(operations)] * count for kind in KINDS}
    operations = {
        kind: [list(names) for names in operations.get(kind, ())]
        for kind in KINDS
    }
    for kind, rows in operations.items():
        lengths = {len(names) for names in rows}
        if len(rows) != count or len(lengths) != 1 or 0 in lengths:
            raise UserError(
                f"operations[{kind!r}]: give {count} lists of equal length, "
                f"at least 1, one list for each edge of {nodes} nodes"
            )
        unknown = set(sum(rows, [])) - {*CANDIDATES, *ATTENTIONS[1:]}
        if unknown:
            raise UserError(
                f"operations[{kind!r}]: unknown {sorted(unknown)[0]!r}; "
                f"choose from {', '.join(CANDIDATES)}"
            )
    return operations


def auxiliary_norms(genotype, stem):
    """How many batch norms the auxiliary classifier has, 1 or 2.

    The authors' ImageNet heads lack the second one, by oversight (a comment of
    DARTS's code); P-DARTS's alone has it. As with Fair DARTS's drop path, the
    provenance says whose network it is.

    Example: `auxiliary_norms(genotype, "cifar")` is 2.
    """
    pdarts = genotype.provenance.get("method") == "pdarts"
    return 2 if stem == "cifar" or pdarts else 1
