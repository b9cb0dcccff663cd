"""Genotypes, the architectures that a search finds, and their file format.

A genotype is the discrete architecture derived from a relaxed search space
(survey, section 3.4). In the DARTS space it is a normal and a reduction cell,
each a directed acyclic graph with one operation on an edge; states 0 and 1 are
the outputs of the two previous cells. In the mobile space it is a chain of
layers; in NAS-Bench-201 it is one cell.

The file is plain JSON that people can read and `diff` can compare. Reading it
never runs code, and everything in it is checked.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from tfnas.genotype import authors_text, schema
from tfnas.genotype.schema import ATTENTIONS, OPERATIONS, GenotypeError

__all__ = [
    "ATTENTIONS",
    "OPERATIONS",
    "Cell",
    "Edge",
    "Genotype",
    "GenotypeError",
]


@dataclass(frozen=True)
class Edge:
    """One operation from an earlier state to a later one.

    Args:
      op: name of the operation, one of `OPERATIONS[space]`.
      source: state that is read; `"from"` in the file.
      to: state that the result is added to; larger than `source`.
      attention: module applied to the result (Att-DARTS), or None.
    """

    op: str
    source: int
    to: int
    attention: str | None = None


@dataclass(frozen=True)
class Cell:
    """A directed acyclic graph of operations.

    A state is the sum of its incoming edges. Several operations on one edge and
    repeated edges are legal; so is an edge from an unreached state, which
    contributes nothing.

    Args:
      edges: the edges; their order is kept and is the order of the weights.
      concat: states whose channel concatenation is the cell's output.
      attention: module applied to that output (Att-DARTS, `end`), or None.

    Example:

    ```python
    cell = Cell((Edge("max_pool_3x3", 0, 2), Edge("se", 3, 4)), (2, 4))
    assert cell.live_states() == (0, 1, 2)  # nothing reaches 3
    ```
    """

    edges: tuple[Edge, ...]
    concat: tuple[int, ...]
    attention: str | None = None

    def live_states(self, inputs: int = 2) -> tuple[int, ...]:
        """Returns the states that data reaches, the inputs included.

        Args:
          inputs: how many states are inputs: 2, or 1 in NAS-Bench-201.
        """
        live = set(range(inputs))
        for edge in sorted(self.edges, key=lambda edge: edge.to):
            if edge.source in live:
                live.add(edge.to)
        return tuple(sorted(live))


@dataclass(frozen=True)
class Genotype:
    """A found architecture.

    Args:
      space: "darts", "mobile" or "nasbench201".
      normal: cell that keeps the map size (darts).
      reduce: cell that halves it (darts).
      cell: the only cell (nasbench201).
      layers: operation of each layer (mobile).
      provenance: its origin, a flat mapping of names to text, numbers, booleans
          or None.

    Example:

    ```python
    cell = Cell((Edge("sep_conv_3x3", 0, 2), Edge("skip_connect", 1, 2)), (2,))
    genotype = Genotype("darts", normal=cell, reduce=cell).validate()
    assert Genotype.from_json(genotype.to_json()) == genotype
    ```
    """

    space: str
    normal: Cell | None = None
    reduce: Cell | None = None
    cell: Cell | None = None
    layers: tuple[str, ...] | None = None
    provenance: Mapping = field(default_factory=dict, hash=False)

    @classmethod
    def from_json(cls, path_or_text: str | os.PathLike) -> "Genotype":
        """Reads a genotype from a file or from text.

        Args:
          path_or_text: a path, or text that starts with a brace; or with
            `Genotype(`, as the papers' authors print it.

        Raises:
          GenotypeError: if it cannot be read or is not a legal genotype.
        """
        if is_text(path_or_text):
            return _from_text(path_or_text)
        name = schema.shown(os.fsdecode(path_or_text))
        try:
            return _from_text(schema.read(path_or_text))
        except GenotypeError as error:
            raise GenotypeError(f"{name}: {error}") from error

    @classmethod
    def from_dict(cls, data: Mapping) -> "Genotype":
        """Builds a genotype from parsed JSON; the inverse of `to_dict`.

        Raises:
          GenotypeError: if `data` is not a legal genotype.
        """
        schema.check_type(data, Mapping, "genotype")
        known = {"format": (schema.FORMAT,), "space": OPERATIONS}
        for key, options in known.items():
            schema.require(key in data, key, "missing")
            schema.check_choice(data[key], options, key, key)
        names = schema.PARTS[data["space"]]
        schema.check_keys(data, ("format", "space", *names), ("provenance",))
        parts = {
            name: _layers(data[name]) if name == "layers" else _cell(data, name)
            for name in names
        }
        provenance = data.get("provenance", {})
        schema.check_type(provenance, Mapping, "provenance")
        genotype = cls(data["space"], provenance=dict(provenance), **parts)
        return genotype.validate()

    def to_dict(self) -> dict:
        """Returns the genotype as JSON-ready dicts and lists."""
        data: dict = {"format": schema.FORMAT, "space": self.space}
        for name, cell in self.cells.items():
            edges = [_edge_dict(edge) for edge in cell.edges]
            data[name] = {"edges": edges, "concat": list(cell.concat)}
            if cell.attention is not None:
                data[name]["attention"] = cell.attention
        if self.layers is not None:
            data["layers"] = [{"op": op} for op in self.layers]
        if self.provenance:
            data["provenance"] = dict(self.provenance)
        return data

    def to_json(self, indent: int = 2) -> str:
        """Returns the file's text: one edge a line, the same text each time.

        Args:
          indent: spaces per level.

        Raises:
          GenotypeError: if the genotype is not legal.
        """
        return _layout(self.validate().to_dict(), " " * indent) + "\n"

    def validate(self) -> "Genotype":
        """Checks every field; returns the genotype itself.

        Raises:
          GenotypeError: one line that names the first wrong field.
        """
        schema.check(self)
        return self

    @property
    def cells(self) -> dict[str, Cell]:
        """The cells by name: normal and reduce, only cell, or no cells."""
        cells = {
            "normal": self.normal,
            "reduce": self.reduce,
            "cell": self.cell,
        }
        return {name: cell for name, cell in cells.items() if cell is not None}

    def operation_counts(self) -> dict[str, dict[str, int]]:
        """Returns how often each operation occurs, by cell (or "layers").

        Example:

        ```python
        genotype = Genotype("mobile", layers=("skip",) * 19)
        genotype.operation_counts()["layers"]["skip"]  # 19
        ```
        """
        used = {
            name: [edge.op for edge in cell.edges]
            for name, cell in self.cells.items()
        }
        if self.layers is not None:
            used["layers"] = list(self.layers)
        return {
            name: {
                op: ops.count(op) for op in OPERATIONS[self.space] if op in ops
            }
            for name, ops in used.items()
        }

    def __str__(self):
        lines = [f"{self.space} genotype"]
        for name, counts in self.operation_counts().items():
            ops = ", ".join(f"{n} {op}" for op, n in counts.items())
            cell = self.cells.get(name)
            concat = f"; concat {list(cell.concat)}" if cell else ""
            lines.append(f"  {name}: {ops}{concat}")
        return "\n".join(lines)


# === From and to JSON ===


def is_text(path_or_text):
    """Tells a genotype's text from a path."""
    return schema.is_text(path_or_text) or (
        isinstance(path_or_text, str) and authors_text.is_call(path_or_text)
    )


def _from_text(text):
    if not authors_text.is_call(text):
        return Genotype.from_dict(schema.parse(text))
    cells = {
        kind: Cell(tuple(Edge(*edge) for edge in edges), tuple(concat))
        for kind, (edges, concat) in authors_text.parse(text).items()
    }
    return Genotype("darts", **cells).validate()


def _cell(genotype, name):
    cell = schema.check_type(genotype[name], Mapping, name)
    schema.check_keys(cell, ("edges", "concat"), ("attention",), f"{name}.")
    edges = schema.check_type(cell["edges"], list, f"{name}.edges")
    concat = schema.check_type(cell["concat"], list, f"{name}.concat")
    return Cell(
        tuple(
            _edge(edge, f"{name}.edges[{i}]") for i, edge in enumerate(edges)
        ),
        tuple(concat),
        cell.get("attention"),
    )


def _edge(edge, where):
    schema.check_type(edge, Mapping, where)
    keys = ("op", "from", "to")
    schema.check_keys(edge, keys, ("attention",), prefix=f"{where}.")
    return Edge(*(edge[key] for key in keys), edge.get("attention"))


def _layers(layers):
    for i, layer in enumerate(schema.check_type(layers, list, "layers")):
        schema.check_type(layer, Mapping, f"layers[{i}]")
        schema.check_keys(layer, ("op",), prefix=f"layers[{i}].")
    return tuple(layer["op"] for layer in layers)


def _edge_dict(edge):
    data = {"op": edge.op, "from": edge.source, "to": edge.to}
    if edge.attention is not None:
        data["attention"] = edge.attention
    return data


def _layout(value, step, margin="\n"):
    """JSON with short flat objects and lists kept on one line."""
    line = json.dumps(value)
    children = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list) or (
        len(line) <= 88
        and not any(isinstance(child, dict | list) for child in children)
    ):
        return line
    inner = margin + step
    items = [_layout(child, step, inner) for child in children]
    if isinstance(value, list):
        return "[" + inner + ("," + inner).join(items) + margin + "]"
    items = [
        f"{json.dumps(key)}: {item}"
        for key, item in zip(value, items, strict=True)
    ]
    return "{" + inner + ("," + inner).join(items) + margin + "}"
