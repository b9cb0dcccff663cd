"""Search spaces (survey, section 3.1).

The file with a space's name has its `SPACE`; code that starts TensorFlow is in
the registries of `tfnas.networks`.
"""

import importlib

from tfnas.errors import UserError
from tfnas.genotype import OPERATIONS


def names():
    """Returns the names of the search spaces, "darts" first."""
    return tuple(OPERATIONS)


def get(name):
    """The `Space` of a name; an unknown name raises `UserError`."""
    if name not in OPERATIONS:
        raise UserError(
            f"--space={name}: no such space; use {', '.join(names())}"
        )
    return importlib.import_module(f"{__name__}.{name}").SPACE


def candidates():
    """Returns every name that `--operations` takes in some space."""
    every = [name for space in names() for name in get(space).candidates]
    return tuple(dict.fromkeys(every))
