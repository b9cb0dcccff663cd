"""Folders as finished searches, baselines and trainings leave them."""

import csv
import json

import numpy as np

from tfnas import methods, zoo
from tfnas.runs import contents
from tfnas.spaces.darts import edges
from tfnas.spaces.nasbench201 import from_string
from tfnas.train import Recipe

BENCH = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"


def cell(*operations):
    """The genotype of a NAS-Bench-201 cell."""
    return from_string(BENCH.format(*operations))


def found(
    out,
    method="darts",
    seed=0,
    *,
    name=None,
    dataset="digits",
    genotype="PDARTS",
    hours=0.5,
    accuracy=0.75,
    pruning=None,
    alphas=None,
    finished=True,
    **values,
):
    """A search's folder; `values` are the method's own."""
    folder = out / (name or f"{method}_{dataset}_seed{seed}")
    folder.mkdir(parents=True)
    config = {"method": method, "dataset": dataset, "seed": seed}
    own = methods.get(method).with_flags(values).values()
    words = f"python -m tfnas.search --method={method} --seed={seed}".split()
    write(folder, "config", {"command": words, "config": config, "method": own})
    _ended(folder, genotype, hours, finished)
    with open(folder / "history.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, contents.SEARCH_COLUMNS, restval=0)
        writer.writeheader()
        for epoch, value in enumerate([0.1, accuracy], 1):
            writer.writerow({"epoch": epoch, "valid_accuracy": value})
    if pruning is not None:
        write(folder, "measured", {"pruning": pruning})
    if alphas is not None:
        names = np.tile(own["operations"], (len(edges()), 1))
        np.savez(
            folder / "alphas.npz",
            **{"stage0/alphas_normal": alphas[None]},
            **{"stage0/operations_normal": names},
        )
    return folder


def baseline(
    out, name="random", seed=0, *, genotype="PDARTS", hours=0.5, finished=True
):
    """A baseline's folder."""
    folder = out / f"{name}_digits_seed{seed}"
    folder.mkdir(parents=True)
    config = {"name": name, "dataset": "digits", "seed": seed}
    values = Recipe.preset("quick").values()
    words = f"python -m tfnas.baseline --name={name} --seed={seed}".split()
    record = {"command": words, "config": config, "recipe": values}
    write(folder, "config", record)
    _ended(folder, genotype, hours, finished)
    return folder


def trained(search, error, *, name="", dataset="digits", cells=6, latency=None):
    """The folder of a training of what a search's folder holds."""
    folder = search.with_name(
        f"{search.name}_trained" + (f"_{name}" if name else "")
    )
    folder.mkdir()
    genotype = json.loads((search / "genotype.json").read_text())
    config = {
        "command": f"python -m tfnas.train --dataset={dataset}".split(),
        "config": {"dataset": dataset, "seed": 0},
        "recipe": {"channels": 16, "cells": cells},
        "genotype": genotype,
    }
    write(folder, "config", config)
    summary = {"seconds": 3600, "parameters": 1000 * cells}
    summary |= {"multiply_adds": 10**6 * cells, "test_images": 360}
    write(folder, "summary", summary | {"test_accuracy": 1 - error / 100})
    if latency is not None:
        write(folder, "measured", {"latency_ms": latency})
    (folder / "report.html").touch()
    return folder


def write(folder, name, value):
    (folder / f"{name}.json").write_text(json.dumps(value))


def _ended(folder, genotype, hours, finished):
    if isinstance(genotype, str):
        genotype = zoo.genotype(genotype)
    (folder / "genotype.json").write_text(genotype.to_json())
    network = {"channels": 36, "cells": 20}
    network |= {"parameters": 3_433_798, "multiply_adds": 532_174_464}
    summary = {"seconds": 3600 * hours, "network": network}
    summary["next_command"] = (
        f"python -m tfnas.train --genotype={folder}/genotype.json --seed=0"
    )
    write(folder, "summary", summary)
    if finished:
        (folder / "report.html").touch()
