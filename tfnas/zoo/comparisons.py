"""Comparisons that the zoo keeps: their runs are rows of results.csv too."""

import csv

from tfnas.zoo.genotypes import root
from tfnas.zoo.schema import BENCHMARK, MEASURED

# What is kept of `tfnas.compare`'s files, by the ending of its name.
FILES = {
    ".csv": "comparison.csv",
    ".md": "comparison.md",
    ".png": "comparison.png",
}


def folder(zoo=None):
    """Where comparisons are, in the project's own zoo or in another."""
    return root(zoo) / "comparisons"


def rows(zoo=None):
    """What results.csv says of the runs of every comparison: list of dicts.

    A cell that NAS-Bench-201 knows has the benchmark's accuracy on CIFAR-10,
    and says so.
    """
    return [_row(name, run) for name in names(zoo) for run in runs(name, zoo)]


def names(zoo=None):
    """The names of the comparisons, sorted."""
    return sorted(path.stem for path in folder(zoo).glob("*.csv"))


def benchmarked(zoo=None):
    """The names of those whose cells NAS-Bench-201 knows, sorted."""
    return [
        name
        for name in names(zoo)
        if all(run["cifar10"] for run in runs(name, zoo))
    ]


def trained(zoo=None):
    """The names of the others, if each of their runs was tested, sorted."""
    return [
        name
        for name in names(zoo)
        if name not in benchmarked(zoo)
        and all(run["test_error_percent"] for run in runs(name, zoo))
    ]


def runs(name, zoo=None):
    """The rows of a comparison's table, a run each."""
    path = folder(zoo) / f"{name}.csv"
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _row(comparison, run):
    shared = ("method", "channels", "cells", "parameters", "multiply_adds")
    row = {name: run[name] for name in (*shared, "seed")}
    row |= {
        "name": f"{comparison}/{run['name']}",
        "hours": run["search_hours"] or run["hours"],
        "source": run["command"],
    }
    if run["cifar10"]:
        accuracy = float(run["cifar10"])
        row |= {"kind": BENCHMARK, "dataset": "cifar10"}
    else:
        accuracy = 100 - float(run["test_error_percent"])
        row |= {"kind": MEASURED, "dataset": run["dataset"]}
        row["test_images"] = run["test_images"]
    row["test_accuracy_percent"] = f"{accuracy:.2f}"
    return row
