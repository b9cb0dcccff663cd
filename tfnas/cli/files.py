"""Files that are there whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path


@contextlib.contextmanager
def staged(path):
    """A place beside `path` that takes its name once everything is written.

    Args:
        path: of a file or folder.

    Yields:
        The path to write to, which ends alike. An error removes it.
    """
    path = Path(path).absolute()
    with tempfile.TemporaryDirectory(
        prefix=".part_", dir=path.parent
    ) as folder:
        aside = Path(folder) / path.name
        yield aside
        os.replace(aside, path)
