"""A list of image files as CSV: path, label and, optionally, the split.

A run keeps such a list if no folder says which images are tested. A run's list
is read like a user's.
"""

import csv
import io
import os
import pathlib

from tfnas.data.files import readable
from tfnas.data.layout import TEST, TRAIN
from tfnas.errors import UserError

COLUMNS = ("path", "label", "split")
# The split of a file that a run left out.
DAMAGED = "damaged"
_NAMED = 3


def read(data_csv, root):
    """[(path, label, split)] of a list; the split is "train", "test" or "".

    Relative paths are below `root`. A line that cannot be understood, a path
    listed twice and missing files raise `UserError`.
    """
    lines = csv.DictReader(io.StringIO(_text(data_csv)))
    names = [(name or "").strip().lower() for name in lines.fieldnames or ()]
    if not {"path", "label"} <= set(names):
        raise UserError(
            f"--data_csv={data_csv}: its first line must be path,label or "
            "path,label,split"
        )
    lines.fieldnames, found = names, {}
    for row in lines:
        where = f"{data_csv}, line {lines.line_num}"
        path, label, split = _row(row, where)
        path = os.path.join(root, path)
        if path in found:
            raise UserError(
                f"{where}: {readable(path)} is listed twice; keep one line"
            )
        found[path] = label, split
    found = {path: row for path, row in found.items() if row[1] != DAMAGED}
    gone = [readable(path) for path in found if not os.path.isfile(path)]
    if gone:
        shown = ", ".join(gone[:_NAMED])
        more = f" and {len(gone) - _NAMED} more" if gone[_NAMED:] else ""
        raise UserError(
            f"{data_csv}: {len(gone)} of {len(found)} files are missing: "
            f"{shown}{more}; restore them, name their folder with --data_dir, "
            "or start a new run with a list without them"
        )
    return [(path, *row) for path, row in found.items()]


def _text(data_csv):
    try:
        content = pathlib.Path(data_csv).read_bytes()
    except OSError as error:
        raise UserError(f"--data_csv={data_csv}: {error.strerror}") from None
    if b"\0" in content:
        raise UserError(f"--data_csv={data_csv}: not a CSV file")
    # File names may hold any bytes; a spreadsheet's CSV begins with a mark.
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
