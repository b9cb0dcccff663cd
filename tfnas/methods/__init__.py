"""The methods, one short file each.

A file here that defines `METHOD` is a method; nothing else needs to know it.
"""

import importlib
import pkgutil

from tfnas.errors import UserError, nearest
from tfnas.methods.method import Method


def names():
    """The names of all methods.

    Example: `"darts" in names()`.
    """
    return sorted(
        module.name
        for module in pkgutil.iter_modules(__path__)
        if module.name not in ("method", "rules")
    )


def get(name):
    """The `Method` of a name.

    Raises:
        UserError: for a name that is no method's, with the nearest one.

    Example: `get("darts").epochs` is 50.
    """
    if isinstance(name, Method):
        return name
    if name not in names():
        hint = nearest(name, names(), f"choose from {', '.join(names())}")
        raise UserError(f"--method={name}: no such method; {hint}")
    return importlib.import_module(f"{__name__}.{name}").METHOD


def from_values(values):
    """The `Method` with some values, as `Method.values` and a name give them.

    Example: `from_values({"name": "darts", "epochs": 3}).epochs` is 3.
    """
    values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
    }
    return get(values.pop("name")).with_flags(values)
