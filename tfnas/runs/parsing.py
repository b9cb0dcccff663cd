"""Files of a run as checked values; an error names the file.

The functions that need NumPy import it, as it would double the time of --help.
"""

import csv
import dataclasses
import io
import json
import zipfile

from tfnas.errors import UserError
from tfnas.genotype import Genotype, GenotypeError

# The errors of np.load and its archive on a file of another kind.
_DAMAGE = (ValueError, OSError, EOFError, AttributeError, TypeError)
_DAMAGE += (zipfile.BadZipFile,)


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The genotype derived after one epoch."""

    stage: int
    epoch: int
    genotype: Genotype


def content(path):
    """The bytes of a file of a run."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(
            f"{path}: missing; use a finished run, or finish this one with "
            "--resume"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; restore it") from None


def text(path):
    """The text of a file of a run."""
    try:
        return content(path).decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error}); restore it") from None


def read_json(path):
    """The content of a JSON file."""
    found = text(path)
    try:
        return json.loads(found)
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}); restore it") from None


def require(path, document, fields):
    """Refuse a JSON file's content that lacks one of the dotted fields."""
    for field in fields:
        value = document
        for name in field.split("."):
            if not isinstance(value, dict) or name not in value:
                raise UserError(f"{path}: field {field} is missing; add it")
            value = value[name]


def read_columns(path, columns, optional=()):
    """Columns of a CSV file as {column: float array}; an empty field is NaN.

    A missing optional column is all NaN.
    """
    import numpy as np

    file = io.StringIO(text(path), newline="")
    try:
        reader = csv.DictReader(file)
        header, rows = reader.fieldnames or (), list(reader)
    except csv.Error as error:
        raise UserError(f"{path}: not CSV ({error}); restore it") from None
    missing = [column for column in columns if column not in header]
    if missing:
        raise UserError(f"{path}: column {missing[0]} is missing; add it")
    if not rows:
        raise UserError(f"{path}: no row yet; let the run continue")
    try:
        return {
            column: np.array([float(row.get(column) or "nan") for row in rows])
            for column in (*columns, *optional)
        }
    except ValueError as error:
        raise UserError(f"{path}: {error}; use numbers only") from None


def read_stages(path):
    """The arrays of `alphas.npz`, {name: array} for each stage.

    These are `alphas_normal` (epochs + 1, edges, operations),
    `operations_normal` (edges, operations) ...
    """
    import numpy as np

    content(path)  # Raises if it cannot be read.
    stages = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for key in archive.files:
                stage, name = key.split("/")
                number = int(stage.removeprefix("stage"))
                stages.setdefault(number, {})[name] = archive[key]
    except _DAMAGE as error:
        raise UserError(f"{path}: unreadable ({error}); restore it") from None
    if not stages:
        raise UserError(f"{path}: holds no stage; restore it")
    for number, stage in stages.items():
        for kind in cell_kinds(stage):
            alphas = stage[f"alphas_{kind}"]
            operations = stage.get(f"operations_{kind}")
            if operations is None or alphas.shape[1:] != operations.shape:
                raise UserError(
                    f"{path}: stage{number}/operations_{kind} must name the "
                    f"operations of an array (edges, operations)"
                )
    return tuple(stages[number] for number in sorted(stages))


def cell_kinds(stage):
    """The kinds of cells with alphas in a stage, such as normal and reduce."""
    return [n.removeprefix("alphas_") for n in stage if n.startswith("alphas_")]


def read_snapshots(path):
    """A `Snapshot` of every epoch of a search."""
    entries = read_json(path)
    try:
        found = tuple(
            Snapshot(
                entry["stage"],
                entry["epoch"],
                Genotype.from_dict(entry["genotype"]),
            )
            for entry in entries
        )
    except GenotypeError as error:
        raise UserError(f"{path}: {error}") from None
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{path}: every entry needs stage, epoch and genotype ({error})"
        ) from None
    if not found:
        raise UserError(f"{path}: no epoch yet; let the search finish one")
    return found


def confusion_text(classes, counts):
    """The CSV of a test: counts of images by true and predicted class."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["class", *classes])
    for name, row in zip(classes, counts, strict=True):
        writer.writerow([name, *row])
    return file.getvalue()


def read_confusion(path, classes):
    """The (classes, classes) counts of such a file."""
    import numpy as np

    file = io.StringIO(text(path), newline="")
    try:
        _, *rows = csv.reader(file)
        counts = np.array([[int(n) for n in row[1:]] for row in rows])
    except (csv.Error, ValueError) as error:
        raise UserError(f"{path}: {error}; restore it") from None
    if counts.shape != (classes, classes):
        raise UserError(
            f"{path}: needs {classes} rows and columns of counts; restore it"
        )
    return counts
