"""Genotypes: what a search finds, and the one file format that holds it.

A genotype is the discrete architecture that is left when the relaxed search
space is thrown away (survey, section 3.4). In the DARTS space it is a normal
and a reduction cell, each a directed acyclic graph whose edges carry one
operation; states 0 and 1 are the outputs of the two previous cells. In the
mobile space it is a chain of layers; in NAS-Bench-201 it is one cell.

The file is plain JSON, so that it can be read by people, compared by `diff`
and trusted: reading it never runs code, and everything in it is checked.
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from tfnas.errors import UserError

FORMAT = "tfnas-genotype/1"
MAX_BYTES = 1_000_000

ATTENTIONS = (
    "identity",
    "se",
    "bam",
    "cbam",
    "ge_theta_plus",
    "double_attention",
)

OPERATIONS = {
    # The eight primitives of DARTS in the authors' order, then the two that
    # only the hand-searched cells of NASNet and AmoebaNet use.
    "darts": (
        "none",
        "max_pool_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "sep_conv_3x3",
        "sep_conv_5x5",
        "dil_conv_3x3",
        "dil_conv_5x5",
        "sep_conv_7x7",
        "conv_7x1_1x7",
    ),
    "mobile": (
        "mb_3x3_e3",
        "mb_5x5_e3",
        "mb_7x7_e3",
        "mb_3x3_e6",
        "mb_5x5_e6",
        "mb_7x7_e6",
        "skip",
    ),
    "nasbench201": (
        "none",
        "skip_connect",
        "nor_conv_1x1",
        "nor_conv_3x3",
        "avg_pool_3x3",
    ),
}

_PARTS = {
    "darts": ("normal", "reduce"),
    "mobile": ("layers",),
    "nasbench201": ("cell",),
}
_INPUTS = {"darts": 2, "nasbench201": 1}


class GenotypeError(UserError):
    """A genotype cannot be used; the one line says which field and why."""


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

    A state is the sum of its incoming edges. Several operations on one edge
    and repeated edges are legal; so is an edge from a state that nothing
    reaches, which contributes nothing.

    Args:
      edges: the edges; their order is kept and is the order of the weights.
      concat: states whose channel concatenation is the cell's output.
    """

    edges: tuple[Edge, ...]
    concat: tuple[int, ...]

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
      provenance: where it comes from, a flat mapping of names to text,
        numbers, booleans or None.

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
        """Reads a genotype from a file or from JSON text.

        Args:
          path_or_text: a path, or text that starts with a brace.

        Raises:
          GenotypeError: if it cannot be read or is not a legal genotype.
        """
        if _is_text(path_or_text):
            return cls.from_dict(_parse(path_or_text))
        name = _shown(os.fspath(path_or_text))
        try:
            return cls.from_dict(_parse(_read(path_or_text)))
        except GenotypeError as error:
            raise GenotypeError(f"{name}: {error}") from error

    @classmethod
    def from_dict(cls, data: Mapping) -> "Genotype":
        """Builds a genotype from parsed JSON; the inverse of `to_dict`.

        Raises:
          GenotypeError: if `data` is not a legal genotype.
        """
        data = _object(data, "genotype")
        for key in ("format", "space"):
            if key not in data:
                raise GenotypeError(f"{key}: missing")
        _choice(data["format"], (FORMAT,), "format", "format")
        space = data["space"]
        _choice(space, OPERATIONS, "space", "space")
        _keys(data, ("format", "space", *_PARTS[space]), ("provenance",), "")
        parts = {
            name: _layers(data[name])
            if name == "layers"
            else _cell(data[name], name)
            for name in _PARTS[space]
        }
        provenance = _object(data.get("provenance", {}), "provenance")
        return cls(space, provenance=dict(provenance), **parts).validate()

    def to_dict(self) -> dict:
        """Returns the genotype as JSON-ready dicts and lists."""
        data = {"format": FORMAT, "space": self.space}
        for name, cell in self.cells.items():
            edges = [_edge_dict(edge) for edge in cell.edges]
            data[name] = {"edges": edges, "concat": list(cell.concat)}
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
        _choice(self.space, OPERATIONS, "space", "space")
        for name in ("normal", "reduce", "cell", "layers"):
            given = getattr(self, name) is not None
            if given != (name in _PARTS[self.space]):
                problem = "does not belong to" if given else "missing in"
                raise GenotypeError(f"{name}: {problem} space {self.space!r}")
        for name, cell in self.cells.items():
            _check_cell(cell, name, self.space)
        if self.layers is not None:
            _check_layers(self.layers)
        _check_provenance(self.provenance)
        return self

    @property
    def cells(self) -> dict[str, Cell]:
        """The cells by name: normal and reduce, or cell, or none."""
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
        genotype.operation_counts()["normal"].get("skip_connect", 0)
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

    def __str__(self) -> str:
        lines = [f"{self.space} genotype"]
        for name, counts in self.operation_counts().items():
            ops = ", ".join(f"{n} {op}" for op, n in counts.items())
            cell = self.cells.get(name)
            concat = f"; concat {list(cell.concat)}" if cell else ""
            lines.append(f"  {name}: {ops}{concat}")
        return "\n".join(lines)


# === Reading ===


def _is_text(path_or_text) -> bool:
    return isinstance(path_or_text, str) and path_or_text.lstrip(
        "\ufeff \t\r\n"
    ).startswith(("{", "["))


def _read(path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        return data.decode("utf-8-sig")
    except OSError as error:
        raise GenotypeError(
            f"cannot be read ({error.strerror}); give a genotype's JSON file"
        ) from error
    except ValueError as error:
        raise GenotypeError("not a UTF-8 text file") from error


def _parse(text: str):
    if len(text) > MAX_BYTES:
        raise GenotypeError(f"longer than {MAX_BYTES:,} characters")
    try:
        return json.loads(
            text.lstrip("\ufeff"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        raise GenotypeError(
            f"line {error.lineno}: not JSON: {error.msg} (column {error.colno})"
        ) from error
    except GenotypeError:
        raise
    except (ValueError, RecursionError) as error:
        raise GenotypeError(
            "not a genotype: a number or a nesting is too large"
        ) from error


def _unique(pairs: list) -> dict:
    data = dict(pairs)
    if len(data) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise GenotypeError(f"{_shown(twice)}: duplicate key")
    return data


def _no_constant(name: str):
    raise GenotypeError(f"{name}: not a number that JSON allows")


def _cell(data, where: str) -> Cell:
    data = _object(data, where)
    _keys(data, ("edges", "concat"), (), f"{where}.")
    edges = []
    for i, edge in enumerate(_list(data["edges"], f"{where}.edges")):
        edge = _object(edge, f"{where}.edges[{i}]")
        _keys(
            edge,
            ("op", "from", "to"),
            ("attention",),
            f"{where}.edges[{i}].",
        )
        edges.append(
            Edge(edge["op"], edge["from"], edge["to"], edge.get("attention"))
        )
    concat = _list(data["concat"], f"{where}.concat")
    return Cell(tuple(edges), tuple(concat))


def _layers(data) -> tuple:
    ops = []
    for i, layer in enumerate(_list(data, "layers")):
        layer = _object(layer, f"layers[{i}]")
        _keys(layer, ("op",), (), f"layers[{i}].")
        ops.append(layer["op"])
    return tuple(ops)


# === Writing ===


def _edge_dict(edge: Edge) -> dict:
    data = {"op": edge.op, "from": edge.source, "to": edge.to}
    if edge.attention is not None:
        data["attention"] = edge.attention
    return data


def _layout(value, step: str, margin: str = "\n") -> str:
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


# === Checks ===


def _check_cell(cell: Cell, where: str, space: str) -> None:
    inputs = _INPUTS[space]
    if not cell.edges:
        raise GenotypeError(f"{where}.edges: empty; a cell needs an edge")
    for i, edge in enumerate(cell.edges):
        _check_edge(edge, f"{where}.edges[{i}]", space)
    if not cell.concat:
        raise GenotypeError(f"{where}.concat: empty; name at least one state")
    reached = {edge.to for edge in cell.edges}
    live = cell.live_states(inputs)
    for i, state in enumerate(cell.concat):
        at = f"{where}.concat[{i}]"
        _integer(state, at)
        if state < inputs:
            raise GenotypeError(
                f"{at}: state {state} is not a node; nodes start at {inputs}"
            )
        if state not in reached:
            raise GenotypeError(
                f"{at}: state {state} receives no edge; remove it or add an edge to it"
            )
        if state not in live:
            raise GenotypeError(
                f"{at}: state {state} receives edges only from states without inputs; remove it"
            )
        if state in cell.concat[:i]:
            raise GenotypeError(f"{at}: state {state} is listed twice")
    if space == "nasbench201" and tuple(cell.concat) != (3,):
        raise GenotypeError(f"{where}.concat: must be [3] in this space")


def _check_edge(edge: Edge, where: str, space: str) -> None:
    inputs = _INPUTS[space]
    _choice(edge.op, OPERATIONS[space], f"{where}.op", "operation")
    _integer(edge.source, f"{where}.from")
    _integer(edge.to, f"{where}.to")
    if edge.source < 0:
        raise GenotypeError(
            f"{where}.from: {edge.source} is negative; states count from 0"
        )
    if edge.to < inputs:
        raise GenotypeError(
            f"{where}.to: state {edge.to} is an input; nodes start at {inputs}"
        )
    if edge.source >= edge.to:
        raise GenotypeError(
            f"{where}.from: {edge.source} is not before node {edge.to}; an edge leads to a later state"
        )
    if edge.attention is None:
        return
    if space != "darts":
        raise GenotypeError(f"{where}.attention: only in space 'darts'")
    _choice(edge.attention, ATTENTIONS, f"{where}.attention", "attention")


def _check_layers(layers: tuple) -> None:
    if not layers:
        raise GenotypeError("layers: empty; name at least one layer")
    for i, op in enumerate(layers):
        _choice(op, OPERATIONS["mobile"], f"layers[{i}].op", "operation")


def _check_provenance(provenance: Mapping) -> None:
    for key, value in _object(provenance, "provenance").items():
        where = f"provenance.{_shown(str(key))}"
        if not isinstance(key, str):
            raise GenotypeError(f"{where}: a key must be text")
        if not isinstance(value, str | int | float | None):
            raise GenotypeError(
                f"{where}: must be text, a number, true, false or null"
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise GenotypeError(f"{where}: must be a finite number")


def _choice(value, options, where: str, kind: str) -> None:
    if isinstance(value, str) and value in options:
        return
    close = get_close_matches(str(value), options, n=1)
    hint = (
        f"did you mean {close[0]!r}?"
        if close
        else f"use one of {', '.join(options)}"
    )
    raise GenotypeError(f"{where}: unknown {kind} {_quoted(value)}; {hint}")


def _keys(data, required, optional, prefix: str) -> None:
    for key in data:
        if key not in (*required, *optional):
            _choice(
                key, (*required, *optional), f"{prefix}{_shown(key)}", "field"
            )
    for key in required:
        if key not in data:
            raise GenotypeError(f"{prefix}{key}: missing")


def _integer(value, where: str) -> None:
    if type(value) is not int:
        raise GenotypeError(
            f"{where}: must be an integer, not {_quoted(value)}"
        )


def _object(value, where: str) -> Mapping:
    if not isinstance(value, Mapping):
        raise GenotypeError(f"{where}: must be an object, not {_quoted(value)}")
    return value


def _list(value, where: str) -> list:
    if not isinstance(value, list | tuple):
        raise GenotypeError(f"{where}: must be a list, not {_quoted(value)}")
    return value


def _quoted(value) -> str:
    """A value as part of a one-line message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _shown(name: str) -> str:
    """A name, quoted only where it would not fit into one line."""
    return name if name.isprintable() and len(name) <= 200 else _quoted(name)
