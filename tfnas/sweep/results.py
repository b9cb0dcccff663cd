"""results.csv: a row for each finished run of a sweep."""

from pathlib import Path

from tfnas.cli.files import csv_text, staged
from tfnas.errors import UserError
from tfnas.runs.contents import is_finished
from tfnas.runs.reading import read_run, runs_in

# Named as in the zoo's results.csv if they mean the same.
COLUMNS = (
    "name",
    "method",
    "dataset",
    "seed",
    "search_hours",
    "supernet_accuracy_percent",
    "channels",
    "cells",
    "parameters",
    "multiply_adds",
    "hours",
    "test_images",
    "test_accuracy_percent",
    "source",
)


def gather(out):
    """Write the finished runs of a folder to its results.csv.

    Returns lines on the finished and the unfinished runs. A search without a
    training has its network's size in the paper (36 channels, 20 cells in the
    DARTS space) and no test accuracy. If no run is finished or one is damaged,
    it raises `UserError`.
    """
    rows, unfinished = [], []
    for run in runs_in(out):
        if run.kind != "search":
            continue
        if run.finished:
            rows.append(_row(run))
        else:
            unfinished.append(run.folder.name)
    if not rows:
        raise UserError(
            f"--out={out}: no finished search there; run the sweep first"
        )
    path = Path(out) / "results.csv"
    try:
        with staged(path) as aside:
            aside.write_text(csv_text(COLUMNS, rows), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; then --gather") from None
    trained = sum(bool(row.get("test_images")) for row in rows)
    lines = [f"{path}: {len(rows)} searches, {trained} of them trained"]
    if unfinished:
        lines.append(f"not finished: {', '.join(unfinished)}")
    return lines


def _row(run):
    accuracy = run.supernet_accuracy
    asked = run.config["config"]
    row = {
        "name": run.folder.name,
        **{name: asked[name] for name in ("method", "dataset", "seed")},
        "search_hours": round(run.hours, 3),
        "supernet_accuracy_percent": accuracy and f"{accuracy:.2f}",
        **run.summary["network"],
        "source": " ".join(run.typed),
    }
    trained = run.folder.with_name(f"{run.folder.name}_trained")
    return row | (_trained(read_run(trained)) if is_finished(trained) else {})


def _trained(run):
    summary = run.summary
    return {
        "channels": run.config["recipe"]["channels"],
        "cells": run.cells,
        "parameters": summary["parameters"],
        "multiply_adds": summary["multiply_adds"],
        "hours": round(run.hours, 3),
        "test_images": summary["test_images"],
        "test_accuracy_percent": f"{100 * summary['test_accuracy']:.2f}",
        "source": " ".join(run.typed),
    }
