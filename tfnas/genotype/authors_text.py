"""Genotypes as the papers' authors print them: a call in Python's syntax.

    Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ...],
             normal_concat=range(2, 6), reduce=[...], reduce_concat=[2, 3, 5])

Each node has two entries, which may stand in their own list. In Fair DARTS a
node has any number, so each entry also names its node. The text is parsed by
`ast` and never run.
"""

import ast
import re

from tfnas.genotype.schema import MAX_BYTES, GenotypeError, require

KINDS = ("normal", "reduce")


def is_call(text):
    """Whether a text begins like the authors' genotypes, named or not."""
    return bool(re.match(r"\s*(\w+\s*=\s*)?Genotype\s*\(", text))


def parse(text):
    """{cell: (edges, concat)}, an edge as (operation, source, node).

    A `GenotypeError` says what differs from the authors' form; names and
    numbers are not checked.
    """
    require(len(text) <= MAX_BYTES, "text", f"over {MAX_BYTES:,} characters")
    try:
        (statement,) = ast.parse(text.strip()).body
        given = {word.arg: word.value for word in statement.value.keywords}
    except (SyntaxError, ValueError, AttributeError, RecursionError):
        raise GenotypeError(
            "not a whole Genotype(...); quote it and copy it to its last "
            "bracket"
        ) from None
    names = [f"{kind}{part}" for kind in KINDS for part in ("", "_concat")]
    for name in names:
        require(name in given, name, "missing in Genotype(...)")
    for name in given:
        require(name in names, name, f"not one of {', '.join(names)}")
    cells = {}
    for kind in KINDS:
        edges = _edges(_literal(given[kind], kind), kind)
        concat = _concat(given[f"{kind}_concat"], f"{kind}_concat")
        # Fair DARTS lists nodes that no edge reaches too.
        reached = [node for *_, node in edges]
        cells[kind] = edges, [node for node in concat if node in reached]
    return cells


def _literal(node, where):
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError):
        raise GenotypeError(
            f"{where}: not a plain list of names and numbers"
        ) from None


def _concat(node, where):
    """A list, or range(FIRST, LAST + 1)."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "range":
        ends = [_literal(each, where) for each in node.args]
        small = all(isinstance(n, int) and 0 <= n < 100 for n in ends)
        require(small and 1 <= len(ends) <= 2, where, "not range(FIRST, END)")
        return list(range(*ends))
    found = _literal(node, where)
    require(isinstance(found, list | tuple), where, "not a list of nodes")
    return found


def _edges(entries, where):
    require(isinstance(entries, list | tuple), where, "not a list of edges")
    flat = []
    for entry in entries:
        flat += entry if isinstance(entry, list) else [entry]
    found = []
    for place, entry in enumerate(flat):
        known = isinstance(entry, tuple) and len(entry) in (2, 3)
        require(known, f"{where}[{place}]", "not (operation, state)")
        # With three items the node comes before the source.
        node = entry[1] if len(entry) == 3 else 2 + place // 2
        found.append((entry[0], entry[-1], node))
    return found
