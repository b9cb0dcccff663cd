"""Files that exist whole or not at all, and rows as CSV."""

import contextlib
import csv
import io
import os
import tempfile
from pathlib import Path

# A process that was killed while writing leaves this beside a file.
UNFINISHED = ".part"


@contextlib.contextmanager
def staged(path):
    """A place next to `path` that takes its place once everything is written.

    It has the same name; an error removes it.
    """
    path = Path(path).absolute()
    with tempfile.TemporaryDirectory(
        UNFINISHED, f"{path.name}.", path.parent
    ) as folder:
        aside = Path(folder) / path.name
        yield aside
        put(aside, path)


def put(aside, path):
    """Give a file its final name once the disk holds it."""
    flush(aside)
    os.replace(aside, path)


def flush(path):
    """Flush a file, or a folder with everything in it, to the disk."""
    for inner in path.iterdir() if path.is_dir() else ():
        flush(inner)
    flush_one(path)


def flush_one(path):
    """Flush a file, or the names in a folder, to the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def csv_text(columns, rows):
    """Rows of {column: value} as CSV; a missing value is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
