"""A list of image files as CSV: path, label and, if it says so, the split.

A run keeps such a list where no folder says which images are tested, so what
a run wrote is read as what a user wrote.
"""

import csv
import io
import os
import pathlib

from tfnas.data.files import readable
from tfnas.data.layout import TEST, TRAIN
from tfnas.errors import UserError

COLUMNS = ("path", "label", "split")
# Of a file that a run went on without.
DAMAGED = "damaged"
_NAMED = 3


def read(data_csv, root):
    """[(path, label, split)] of a list; the split is "train", "test" or "".

    Relative paths are below `root`. What cannot be understood, a path that
    stands there twice and files that are not there are a `UserError`.
    """
    lines = csv.DictReader(io.StringIO(_text(data_csv)))
    names = [(name or "").strip().lower() for name in lines.fieldnames or ()]
    if not {"path", "label"} <= set(names):
        raise UserError(
            f"--data_csv={data_csv}: its first line has to be path,label or "
            "path,label,split"
        )
    lines.fieldnames, found = names, {}
    for row in lines:
        where = f"{data_csv}, line {lines.line_num}"
        path, label, split = _row(row, where)
        path = os.path.join(root, path)
        if path in found:
            raise UserError(f"{where}: {readable(path)} stands there twice")
        found[path] = label, split
    found = {path: row for path, row in found.items() if row[1] != DAMAGED}
    gone = [readable(path) for path in found if not os.path.isfile(path)]
    if gone:
        shown = ", ".join(gone[:_NAMED])
        more = f" and {len(gone) - _NAMED} more" if gone[_NAMED:] else ""
        raise UserError(
            f"{data_csv}: {len(gone)} of {len(found)} files are not there: "
            f"{shown}{more}; restore them, say where they are with "
            "--data_dir, or start a new run with a list without them"
        )
    return [(path, *row) for path, row in found.items()]


def _text(data_csv):
    try:
        content = pathlib.Path(data_csv).read_bytes()
    except OSError as error:
        raise UserError(f"--data_csv={data_csv}: {error.strerror}") from None
    if b"\0" in content:
        raise UserError(f"--data_csv={data_csv}: not a CSV file")
    # Names of files may be of any bytes; a spreadsheet begins with a mark.
    return content.decode("utf-8-sig", "surrogateescape")


def _row(row, where):
    path, label, split = ((row.get(name) or "").strip() for name in COLUMNS)
    if not (path and label):
        raise UserError(f"{where}: needs a path and a label")
    if readable(label) != label:
        raise UserError(f"{where}: its label is not UTF-8")
    if not split or split == DAMAGED:
        return path, label, split
    for name, known in (("train", TRAIN), ("test", TEST)):
        if split.lower() in known:
            return path, label, name
    raise UserError(f"{where}: split {readable(split)}; use train or test")
