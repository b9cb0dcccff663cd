"""Comparisons in the zoo, whose runs are also rows of results.csv."""

import csv

from tfnas.zoo.genotypes import root
from tfnas.zoo.schema import BENCHMARK, MEASURED

# The files of `tfnas.compare` that the zoo keeps, by the name's ending.
FILES = {
    ".csv": "comparison.csv",
    ".md": "comparison.md",
    ".png": "comparison.png",
}


def folder(zoo=None):
    """The folder of comparisons, in the project's own zoo or another."""
    return root(zoo) / "comparisons"


def rows(zoo=None):
    """The rows of results.csv for the runs of every comparison, as dicts.

    A cell of NAS-Bench-201 has the benchmark's accuracy on CIFAR-10, and says
    so.
    """
    return [_row(name, run) for name in names(zoo) for run in runs(name, zoo)]


def names(zoo=None):
    """The names of the comparisons, sorted."""
    return sorted(path.stem for path in folder(zoo).glob("*.csv"))


def benchmarked(zoo=None):
    """The names of those with NAS-Bench-201's cells, sorted."""
    return [
        name
        for name in names(zoo)
        if all(run["cifar10"] for run in runs(name, zoo))
    ]


def trained(zoo=None):
    """The names of the others whose runs were all tested, sorted."""
    return [
        name
        for name in names(zoo)
        if name not in benchmarked(zoo)
        and all(run["test_error_percent"] for run in runs(name, zoo))
    ]


def runs(name, zoo=None):
    """The rows of a comparison's table, one per run."""
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
