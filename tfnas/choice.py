"""Fields of a frozen dataclass that a person may choose by a flag."""

import dataclasses
import types
import typing
from math import isfinite

from tfnas.errors import UserError, nearest

# A message names all of so many options; of more, the nearest one.
FEW = 6


def choice(default, text, options=None, least=None, most=None):
    """A dataclass field that is a flag of a command.

    Args:
        default: its default.
        text: its help.
        options: the values it may take, or None for any.
        least: the smallest value it may take, or None.
        most: the largest one, or None.

    Example: `epochs: int = choice(50, "epochs of a stage", least=1)`.
    """
    metadata = {"help": text, "options": options, "least": least, "most": most}
    return dataclasses.field(default=default, metadata=metadata)


def fields(config):
    """The fields of a dataclass, or of its instance, that are flags."""
    return [f for f in dataclasses.fields(config) if "help" in f.metadata]


def types_of(field):
    """(type, None), or (tuple, type of its items), of a field's annotation."""
    kind = field.type
    if isinstance(kind, types.UnionType):
        kind = next(t for t in typing.get_args(kind) if t is not type(None))
    if typing.get_origin(kind) is tuple:
        return tuple, typing.get_args(kind)[0]
    return kind, None


def among(value, options):
    """The hint about a value that is not among the options."""
    named = "choose from " + ", ".join(map(str, options))
    return named if len(options) <= FEW else nearest(value, options, named)


def check_values(config):
    """Refuse the first value that its field does not allow.

    Args:
        config: an instance of a dataclass with `choice` fields.

    Raises:
        UserError: one line that names the flag.

    Example: `check_values(Method(name="m", title="", paper="", epochs=0))`.
    """
    for field in fields(config):
        value = getattr(config, field.name)
        if value is None:
            continue
        parts = value if isinstance(value, tuple) else (value,)
        shown = ",".join(map(str, parts))
        if not parts and field.default:
            raise UserError(f"--{field.name}=: give at least one")
        if any(isinstance(p, float) and not isfinite(p) for p in parts):
            raise UserError(f"--{field.name}={shown}: use a finite number")
        if not all(_is_within(field, part) for part in parts):
            raise UserError(f"--{field.name}={shown}: use {_bounds(field)}")
        options = field.metadata["options"]
        for part in parts if options else ():
            if part not in options:
                raise UserError(
                    f"--{field.name}={part}: {among(part, options)}"
                )


def _is_within(field, value):
    least, most = field.metadata["least"], field.metadata["most"]
    return (least is None or least <= value) and (most is None or value <= most)


def _bounds(field):
    """The bounds of a field in words."""
    least, most = field.metadata["least"], field.metadata["most"]
    return f"{least} or more" if most is None else f"{least} to {most}"
