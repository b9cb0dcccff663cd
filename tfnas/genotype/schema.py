"""The schema of genotype files: names, and the check of every field.

An error is one line that names the field, the fault and, if there is one, the
remedy.
"""

import json
import math
import reprlib
from collections.abc import Mapping
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
    # only the cells of NASNet and AmoebaNet use.
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

# The fields that describe the architecture, and the number of input states.
PARTS = {
    "darts": ("normal", "reduce"),
    "mobile": ("layers",),
    "nasbench201": ("cell",),
}
INPUTS = {"darts": 2, "nasbench201": 1}


class GenotypeError(UserError):
    """A genotype cannot be used; the one line says which field and why."""


# === Text ===


def is_text(path_or_text):
    """Tells JSON text from a path: text starts with a bracket."""
    return isinstance(path_or_text, str) and path_or_text.lstrip(
        "\ufeff \t\r\n"
    ).startswith(("{", "["))


def read(path):
    """Returns the text of a small UTF-8 file."""
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        raise GenotypeError(
            f"cannot be read ({error.strerror}); give a genotype's JSON file"
        ) from error
    except ValueError as error:
        raise GenotypeError("not a UTF-8 text file") from error


def parse(text):
    """Returns the parsed JSON; keys are unique and numbers finite."""
    require(len(text) <= MAX_BYTES, "text", f"over {MAX_BYTES:,} characters")
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
        raise GenotypeError("a number or the nesting is too large") from error


def _unique(pairs):
    data = {}
    for key, value in pairs:
        require(key not in data, shown(key), "duplicate key; keep one")
        data[key] = value
    return data


def _no_constant(name):
    raise GenotypeError(f"{name}: not a JSON number; use a finite one")


# === One field ===


def require(legal, where, complaint):
    """Raises `GenotypeError` about the field `where` unless it is legal."""
    if not legal:
        raise GenotypeError(f"{where}: {complaint}")


def check_choice(value, options, where, kind):
    """Checks that a name is known, or suggests the nearest one."""
    if isinstance(value, str) and value in options:
        return
    close = get_close_matches(str(value)[:100], options, n=1)
    hint = (
        f"did you mean {close[0]!r}?"
        if close
        else f"use one of {_some(options)}"
    )
    raise GenotypeError(f"{where}: unknown {kind} {_quoted(value)}; {hint}")


def _some(options):
    """Names for a message: the first, if there are many."""
    names = list(options)
    return ", ".join(names[:8]) + ", ..." * (len(names) > 8)


def check_keys(data, required, optional=(), prefix=""):
    """Checks that an object has all required fields and no unknown one."""
    known = (*required, *optional)
    for key in data:
        check_choice(key, known, f"{prefix}{shown(str(key))}", "field")
    for key in required:
        require(key in data, f"{prefix}{key}", "missing")


def check_type(value, kind, where):
    """Returns `value` if it is of type `kind`; True is not an integer."""
    names = {Mapping: "an object", list: "a list", int: "an integer"}
    legal = isinstance(value, kind) and not isinstance(value, bool)
    require(legal, where, f"must be {names[kind]}, not {_quoted(value)}")
    return value


def _quoted(value):
    """A value as part of a one-line message."""
    short = reprlib.Repr()
    short.maxstring = 60
    return short.repr(value)


def shown(name):
    """A name, quoted only if it would break the line."""
    fits = name.isprintable() and 0 < len(name) <= 200
    return name if fits else _quoted(name)


# === The whole ===


def check(genotype):
    """Checks every field of a `tfnas.Genotype`.

    A `GenotypeError` of one line names the first wrong field.
    """
    space = genotype.space
    check_choice(space, OPERATIONS, "space", "space")
    for name in ("normal", "reduce", "cell", "layers"):
        given = getattr(genotype, name) is not None
        problem = "does not belong to" if given else "missing in"
        legal = given == (name in PARTS[space])
        require(legal, name, f"{problem} space {space!r}")
    for name, cell in genotype.cells.items():
        _check_cell(cell, name, space)
    if genotype.layers is not None:
        require(len(genotype.layers) > 0, "layers", "empty; name a layer")
        for i, op in enumerate(genotype.layers):
            where = f"layers[{i}].op"
            check_choice(op, OPERATIONS[space], where, "operation")
    _check_provenance(genotype.provenance)


def _check_cell(cell, where, space):
    require(len(cell.edges) > 0, f"{where}.edges", "empty; add an edge")
    for i, edge in enumerate(cell.edges):
        _check_edge(edge, f"{where}.edges[{i}]", space)
    require(len(cell.concat) > 0, f"{where}.concat", "empty; name a node")
    reached = {edge.to for edge in cell.edges}
    live = cell.live_states(INPUTS[space])
    for i, state in enumerate(cell.concat):
        at = f"{where}.concat[{i}]"
        check_type(state, int, at)
        require(
            state >= INPUTS[space],
            at,
            f"state {state} is not a node; nodes start at {INPUTS[space]}",
        )
        require(
            state in reached,
            at,
            f"state {state} receives no edge; remove it or add one",
        )
        require(
            state in live,
            at,
            f"state {state} is not reached from an input; remove it",
        )
        require(
            state not in cell.concat[:i], at, f"state {state} is listed twice"
        )
    if cell.attention is not None:
        at = f"{where}.attention"
        require(space == "darts", at, "is only for space 'darts'")
        check_choice(cell.attention, ATTENTIONS, at, "attention")
    if space == "nasbench201":
        legal = tuple(cell.concat) == (3,)
        require(legal, f"{where}.concat", "must be [3] in this space")


def _check_edge(edge, where, space):
    first = INPUTS[space]
    operations = OPERATIONS[space]
    if space == "darts":  # an attention may be a candidate operation
        operations += ATTENTIONS[1:]
    check_choice(edge.op, operations, f"{where}.op", "operation")
    source = check_type(edge.source, int, f"{where}.from")
    to = check_type(edge.to, int, f"{where}.to")
    require(source >= 0, f"{where}.from", f"{source}: states count from 0")
    require(
        to >= first,
        f"{where}.to",
        f"state {to} is not a node; nodes start at {first}",
    )
    require(
        source < to,
        f"{where}.from",
        f"state {source} does not come before node {to}",
    )
    if edge.attention is not None:
        at = f"{where}.attention"
        require(space == "darts", at, "is only for space 'darts'")
        # Att-DARTS's double mixture puts any second operation there.
        options = ATTENTIONS + OPERATIONS[space]
        check_choice(edge.attention, options, at, "attention")


def _check_provenance(provenance):
    check_type(provenance, Mapping, "provenance")
    for key, value in provenance.items():
        at = f"provenance.{shown(str(key))}"
        require(isinstance(key, str), at, "a key must be text")
        require(
            isinstance(value, str | int | float | None),
            at,
            "must be text, a number, true, false or null",
        )
        finite = not isinstance(value, float) or math.isfinite(value)
        require(finite, at, "must be a finite number")
