"""The methods, one short file each.

A file here that defines `METHOD` is a method; nothing else needs to know it.
"""

import importlib
import pkgutil

from tfnas.errors import UserError, nearest
from tfnas.methods.method import Method


def names():
    """The names of all methods."""
    return sorted(
        module.name
        for module in pkgutil.iter_modules(__path__)
        if module.name not in ("method", "rules")
    )


def get(name):
    """The `Method` of a name.

    An unknown name raises a `UserError` with the nearest one.
    """
    if isinstance(name, Method):
        return name
    if name not in names():
        hint = nearest(name, names(), f"choose from {', '.join(names())}")
        raise UserError(f"--method={name}: no such method; {hint}")
    return importlib.import_module(f"{__name__}.{name}").METHOD


def from_values(values):
    """The `Method` of a name and values as `Method.values` returns them."""
    values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
    }
    return get(values.pop("name")).with_flags(values)
