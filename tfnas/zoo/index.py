"""index.json, the zoo's list of networks, and results.csv, made from it.

results.csv also has the runs of the zoo's comparisons.
"""

import hashlib
import json
import os

from tfnas.cli.files import csv_text, staged
from tfnas.errors import UserError, nearest
from tfnas.genotype import schema
from tfnas.zoo import comparisons
from tfnas.zoo.genotypes import root
from tfnas.zoo.schema import NAME, PAPER, Entry

FORMAT = "tfnas-zoo/1"
COLUMNS = (
    "name",
    "kind",
    "method",
    "dataset",
    "channels",
    "cells",
    "parameters",
    "multiply_adds",
    "seed",
    "hours",
    "test_images",
    "test_accuracy_percent",
    "paper_error_percent",
    "source",
)


def list_models(
    weights: bool = False, zoo: str | os.PathLike | None = None
) -> list[str]:
    """The names of the zoo's networks.

    Args:
        weights: only those with trained weights.
        zoo: the zoo's folder, or None for the project's own.

    Returns:
        A sorted list of str, for `tfnas.load`.

    Example:

    ```python
    assert "PDARTS" in tfnas.list_models()
    ```
    """
    return sorted(
        entry.name
        for entry in entries(zoo)
        if entry.weights is not None or not weights
    )


def entries(zoo=None):
    """Every `Entry` of the zoo, in the index's order.

    Raises:
        UserError: if the index is missing or one of its fields is wrong.
    """
    path = root(zoo) / "index.json"
    try:
        data = schema.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"{path}: cannot be read; restore it, or give a zoo's folder"
        ) from None
    except schema.GenotypeError as error:
        raise UserError(f"{path}: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UserError(f"{path}: not of the format {FORMAT}; restore it")
    models = data.get("models")
    if not isinstance(models, list):
        raise UserError(f"{path}: models is missing; restore it")
    found = [Entry.from_dict(model, path) for model in models]
    names = [entry.name for entry in found]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{path}: {name} is listed twice; keep one")
    return found


def entry(name, zoo=None):
    """The `Entry` of a name of `list_models()`."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(
            f"{str(name)[:80]!r}: not a name of the zoo, and paths are not "
            "taken here; tfnas.list_models() has the names"
        )
    known = {entry.name: entry for entry in entries(zoo)}
    if name in known:
        return known[name]
    hint = nearest(name, known, "tfnas.list_models() has the names")
    raise UserError(f"{name}: no such network in the zoo; {hint}")


def checked_bytes(path, recorded):
    """A file's content, if it has the recorded {"sha256", "bytes"}."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}; fetch the zoo again"
        ) from None
    if len(data) != recorded["bytes"]:
        raise UserError(
            f"{path}: has {len(data)} bytes, the index says "
            f"{recorded['bytes']}; it is truncated or another file, so fetch "
            "it again"
        )
    if stored(data) != {k: recorded[k] for k in ("sha256", "bytes")}:
        raise UserError(
            f"{path}: its SHA-256 is not the index's "
            f"{recorded['sha256'][:12]}...; fetch it again"
        )
    return data


def stored(data):
    """{"sha256", "bytes"} of a file's content, as an entry records it."""
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def write(found, zoo=None):
    """Write index.json and results.csv of all entries, each file whole."""
    lines = ",\n".join(json.dumps(entry.to_dict()) for entry in found)
    text = f'{{"format": "{FORMAT}", "models": [\n{lines}\n]}}\n'
    for name, content in (
        ("index.json", text),
        ("results.csv", results(found, zoo)),
    ):
        with staged(root(zoo) / name) as aside:
            aside.write_text(content, encoding="utf-8", newline="")


def results(found, zoo=None):
    """The text of results.csv: entries, the measured ones first, then runs."""
    ordered = sorted(found, key=lambda entry: (entry.kind == PAPER, entry.name))
    return csv_text(COLUMNS, [*map(_row, ordered), *comparisons.rows(zoo)])


def _row(entry):
    row = {name: getattr(entry, name) for name in COLUMNS[:8]}
    if entry.test:
        row["test_images"] = entry.test["images"]
        row["test_accuracy_percent"] = f"{100 * entry.accuracy:.2f}"
    if entry.training:
        row["seed"] = entry.training["seed"]
        row["hours"] = entry.training["hours"]
        row["source"] = entry.training["command"]
    if entry.paper:
        row["paper_error_percent"] = entry.paper.get(
            "cifar10_error_percent", ""
        )
        row["source"] = entry.paper["source"]
    return row
