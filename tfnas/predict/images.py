"""The image files to classify, and the classes of their folders."""

import os
from dataclasses import dataclass
from pathlib import Path

from tfnas.data.files import SUFFIXES, is_hidden, readable
from tfnas.errors import UserError


@dataclass(frozen=True)
class Image:
    """An image file.

    Attributes:
        path: its path.
        label: the name of the class whose folder it is in, or None.
    """

    path: str
    label: str | None = None


def find(paths, classes):
    """The `Image`s at files and in folders, at any depth, in order.

    The label is the name of the nearest folder, below the given one, that has a
    class's name.
    """
    found = []
    for path in paths:
        if os.path.isdir(path):
            found += _in_folder(path, {*classes})
        elif os.path.exists(path):
            found.append(Image(path))
        else:
            raise UserError(f"{readable(path)}: no such file or folder")
    return found


def _in_folder(folder, classes):
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        inside = Path(place).relative_to(folder).parts
        label = next((x for x in reversed(inside) if x in classes), None)
        found += [
            Image(os.path.join(place, name), label)
            for name in sorted(names)
            if name.lower().endswith(SUFFIXES) and not is_hidden(name)
        ]
    if not found:
        raise UserError(
            f"{readable(folder)}: holds no image; give files or a folder of "
            f"{', '.join(SUFFIXES)}"
        )
    return found
