"""Files that are there whole or not at all, and rows as CSV."""

import contextlib
import csv
import io
import os
import tempfile
from pathlib import Path

# What a process that was killed while it wrote leaves beside a file.
UNFINISHED = ".part"


@contextlib.contextmanager
def staged(path):
    """A place beside `path` that takes its name once everything is written.

    It ends alike; an error removes it.
    """
    path = Path(path).absolute()
    with tempfile.TemporaryDirectory(
        UNFINISHED, f"{path.name}.", path.parent
    ) as folder:
        aside = Path(folder) / path.name
        yield aside
        put(aside, path)


def put(aside, path):
    """Give what was written aside its name, once the disk holds it."""
    flush(aside)
    os.replace(aside, path)


def flush(path):
    """Have the disk hold a file, or a folder with all that is in it."""
    for inner in path.iterdir() if path.is_dir() else ():
        flush(inner)
    flush_one(path)


def flush_one(path):
    """Have the disk hold a file, or the names in a folder."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def csv_text(columns, rows):
    """Rows of {column: value} as CSV; a value that is not there is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
