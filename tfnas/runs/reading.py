"""A search run's folder, read and checked."""

from __future__ import annotations

import csv
import dataclasses
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfnas.errors import UserError
from tfnas.genotype import Genotype, GenotypeError

COLUMNS = (
    "stage",
    "epoch",
    "learning_rate",
    "train_loss",
    "train_accuracy",
    "alpha_loss",
    "valid_loss",
    "valid_accuracy",
    "skips_normal",
    "skips_reduce",
    "seconds",
)
# Runs that were made before there were these are read without them.
OPTIONAL_COLUMNS = ("proxy_accuracy", "eigenvalue")
CONFIG_FIELDS = (
    "command",
    "config.method",
    "config.seed",
    "method.relaxation",
    "data.name",
    "data.image_shape",
    "data.classes",
    "data.train",
    "data.valid",
    "versions",
)
SUMMARY_FIELDS = (
    "seconds",
    "peak_memory_mb",
    "supernet_parameters",
    "supernet_multiply_adds",
    "network.channels",
    "network.cells",
    "network.parameters",
    "network.multiply_adds",
    "next_command",
)
# What np.load and its archive raise for a file that is none.
_DAMAGE = (ValueError, OSError, EOFError, AttributeError, TypeError)


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The genotype that would have been derived after one epoch."""

    stage: int
    epoch: int
    genotype: Genotype


@dataclasses.dataclass(frozen=True)
class Run:
    """Everything that a search wrote.

    Attributes:
        path: the run's folder.
        config: `config.json`: command, flags, method, data, versions.
        history: column name -> float array (epochs,); an empty field is NaN.
        stages: per stage, array name -> array: `alphas_normal` (epochs + 1,
            edges, operations), `operations_normal` (edges, operations) ...
        snapshots: the genotype of every epoch.
        genotype: the final one.
        summary: `summary.json`: what the search cost and what comes next.
    """

    path: Path
    config: Mapping[str, Any]
    history: Mapping[str, np.ndarray]
    stages: tuple[Mapping[str, np.ndarray], ...]
    snapshots: tuple[Snapshot, ...]
    genotype: Genotype
    summary: Mapping[str, Any]


def read_run(path: str | Path) -> Run:
    """Reads the folder that `tfnas.search --out` wrote.

    Args:
        path: the folder.

    Returns:
        The run.

    Raises:
        UserError: a file is missing or is not what a search writes.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path}: no such folder; give a search's --out folder")
    return Run(
        path=path,
        config=read_fields(path / "config.json", CONFIG_FIELDS),
        history=read_history(path / "history.csv", optional=OPTIONAL_COLUMNS),
        stages=read_stages(path / "alphas.npz"),
        snapshots=_read_snapshots(path / "genotypes.json"),
        genotype=Genotype.from_json(present(path / "genotype.json")),
        summary=read_fields(path / "summary.json", SUMMARY_FIELDS),
    )


def present(path: Path) -> Path:
    """The path, if a file is there; else a `UserError`."""
    if not path.is_file():
        raise UserError(
            f"{path}: missing; the report needs it, "
            "finish the run with --resume"
        )
    return path


def _read_json(path: Path) -> Any:
    try:
        return json.loads(present(path).read_text(encoding="utf-8"))
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: not JSON ({error}); restore it") from error


def read_fields(path: Path, fields: tuple[str, ...]) -> Mapping[str, Any]:
    """A JSON file that must have the dotted `fields`."""
    document = _read_json(path)
    for field in fields:
        value = document
        for name in field.split("."):
            if not isinstance(value, dict) or name not in value:
                raise UserError(f"{path}: field {field} is missing; add it")
            value = value[name]
    return document


def read_history(
    path: Path,
    columns: tuple[str, ...] = COLUMNS,
    optional: tuple[str, ...] = (),
) -> Mapping[str, np.ndarray]:
    """Columns of a CSV file as float arrays; an empty field is NaN.

    So is every field of an optional column that is not there.
    """
    try:
        with present(path).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            header, rows = reader.fieldnames or (), list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not CSV ({error}); restore it") from error
    missing = [column for column in columns if column not in header]
    if missing:
        raise UserError(f"{path}: column {missing[0]} is missing; add it")
    if not rows:
        raise UserError(f"{path}: no epoch yet; let the search finish one")
    try:
        return {
            column: np.array([float(row.get(column) or "nan") for row in rows])
            for column in (*columns, *optional)
        }
    except ValueError as error:
        raise UserError(f"{path}: {error}; use numbers only") from error


def read_stages(path: Path) -> tuple[Mapping[str, np.ndarray], ...]:
    """The arrays of `alphas.npz`, a mapping of names for each stage.

    Raises:
        UserError: it is missing or is not what a search writes.
    """
    stages: dict[int, dict[str, np.ndarray]] = {}
    try:
        with np.load(present(path), allow_pickle=False) as archive:
            for key in archive.files:
                stage, name = key.split("/")
                number = int(stage.removeprefix("stage"))
                stages.setdefault(number, {})[name] = archive[key]
    except (*_DAMAGE, zipfile.BadZipFile) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: unreadable ({error}); restore it") from error
    ordered = tuple(stages[number] for number in sorted(stages))
    if not ordered:
        raise UserError(f"{path}: holds no stage; restore it")
    for number, stage in zip(sorted(stages), ordered, strict=True):
        for kind in cell_kinds(stage):
            alphas = stage[f"alphas_{kind}"]
            operations = stage.get(f"operations_{kind}")
            if operations is None or alphas.shape[1:] != operations.shape:
                raise UserError(
                    f"{path}: stage{number}/operations_{kind} must name the "
                    f"operations of an array (edges, operations)"
                )
    return ordered


def cell_kinds(stage: Mapping[str, np.ndarray]) -> list[str]:
    """The cells that a stage has alphas for, such as normal and reduce."""
    return [n.removeprefix("alphas_") for n in stage if n.startswith("alphas_")]


def _read_snapshots(path: Path) -> tuple[Snapshot, ...]:
    try:
        snapshots = tuple(
            Snapshot(
                entry["stage"],
                entry["epoch"],
                Genotype.from_dict(entry["genotype"]),
            )
            for entry in _read_json(path)
        )
    except GenotypeError as error:
        raise UserError(f"{path}: {error}") from error
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{path}: every entry needs stage, epoch and genotype ({error})"
        ) from error
    if not snapshots:
        raise UserError(f"{path}: no epoch yet; let the search finish one")
    return snapshots
