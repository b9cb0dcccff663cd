"""Which pieces of a recipe help: each in turn, judged by held-out images.

    python examples/recipe.py IMAGES.npz OUT [SEED ...]

IMAGES.npz has `images` (N, H, W, 3), 0..255, and `labels`: training images, as
the test images choose nothing. OUT gets a folder for each training and
`recipe.csv`; a training that has a line there is not repeated. The page
docs/recipe.md shows what it found.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from scipy import stats

import tfnas

COLUMNS = ("recipe", "seed", "right", "images", "minutes", "machine", "flags")
SMALL = {"channels": 16, "cells": 5, "epochs": 6, "batch_size": 96}
SMALL |= {"preset": "small", "cutout": 0}
ONE_CYCLE = {"schedule": "one_cycle", "nesterov": True, "warmup_epochs": 2}
TOGETHER = ONE_CYCLE | {"whitening": True, "crop_padding": 2}
# What each recipe has besides the values of SMALL.
RECIPES = {
    "small": {},
    "rate 0.1": {"learning_rate": 0.1},
    "one cycle, rate 0.1": ONE_CYCLE | {"learning_rate": 0.1},
    "one cycle, rate 0.2": ONE_CYCLE | {"learning_rate": 0.2},
    "whitening": {"whitening": True},
    "shifts of 2": {"crop_padding": 2},
    "biases 16 times": {"norm_bias_rate": 16},
    "alternating flips": {"flips": "alternate"},
    "label smoothing": {"label_smoothing": 0.1},
    "averages, 0.97": {"average_weights": 0.97},
    "averages, 0.995": {"average_weights": 0.995},
    "batch 192, rate 0.1": {"batch_size": 192, "learning_rate": 0.1},
    "growing images": {"sizes": (0.5, 0.75, 1)},
    "growing images, 9 epochs": {"sizes": (0.5, 0.75, 1), "epochs": 9},
    "one cycle, whitening": ONE_CYCLE
    | {"learning_rate": 0.1, "whitening": True},
    "together, rate 0.1": TOGETHER | {"learning_rate": 0.1},
    "together, rate 0.2": TOGETHER | {"learning_rate": 0.2},
    "together, rate 0.4": TOGETHER | {"learning_rate": 0.4},
    "together, biases": TOGETHER | {"learning_rate": 0.1, "norm_bias_rate": 16},
    "together, shifts of 1": TOGETHER
    | {"learning_rate": 0.2, "crop_padding": 1},
    "together, batch 48": TOGETHER | {"learning_rate": 0.1, "batch_size": 48},
    "together, no clipping": TOGETHER
    | {"learning_rate": 0.2, "gradient_clip": 100},
    "together, decay 0.001": TOGETHER
    | {"learning_rate": 0.2, "weight_decay": 0.001},
}


def main(images, out, seeds):
    """Train what has no line yet, and print the table."""
    with np.load(images) as arrays:
        x, y = arrays["images"], arrays["labels"]
    file = Path(out) / "recipe.csv"
    rows = read(file)
    known = {(row["recipe"], int(row["seed"])) for row in rows}
    for seed in seeds:
        train, held = split(y, seed)
        for recipe, flags in RECIPES.items():
            if (recipe, seed) in known:
                continue
            trained = tfnas.run_training(
                "PDARTS",
                (x[train], y[train]),
                test=(x[held], y[held]),
                out=Path(out) / f"{recipe} {seed}".replace(" ", "_"),
                seed=seed,
                **SMALL | flags,
            )
            rows.append(row_of(recipe, seed, len(held), trained))
            with open(file, "w", newline="", encoding="utf-8") as lines:
                writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    print(table(rows))


def split(labels, seed, train=10_000, held=5_000):
    """Places of images to train on and of others to judge by, by class."""
    draw = np.random.default_rng(100 + seed)
    classes = np.unique(labels)
    parts = [], []
    for each in classes:
        places = draw.permutation(np.flatnonzero(labels == each))
        parts[1].append(places[: held // len(classes)])
        rest = places[held // len(classes) :]
        parts[0].append(rest[: train // len(classes)])
    return draw.permutation(np.concatenate(parts[0])), np.concatenate(parts[1])


def row_of(recipe, seed, held, trained):
    """A training's line, {column: value}."""
    summary = json.loads((trained.folder / "summary.json").read_text())
    flags = SMALL | RECIPES[recipe]
    return {
        "recipe": recipe,
        "seed": seed,
        "right": round(trained.accuracy * held),
        "images": held,
        "minutes": round(summary["seconds"] / 60, 1),
        "machine": summary["machine"],
        "flags": " ".join(f"--{name}={value}" for name, value in flags.items()),
    }


def read(file):
    """The lines of a recipe.csv, [] if there is none."""
    if not Path(file).exists():
        return []
    with open(file, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def table(rows):
    """Markdown: accuracies, and what each recipe adds to the first.

    The interval is Student's. Its variance is what a two-way analysis of
    recipes and seeds leaves unexplained, so all recipes share it.
    """
    names = list(dict.fromkeys(row["recipe"] for row in rows))
    seeds = sorted({row["seed"] for row in rows})
    found = {(row["recipe"], row["seed"]): row for row in rows}
    names = [n for n in names if all((n, seed) in found for seed in seeds)]
    shares = np.array(
        [
            [
                100 * int(found[n, s]["right"]) / int(found[n, s]["images"])
                for s in seeds
            ]
            for n in names
        ]
    )
    means = shares.mean(1)
    left = shares - means[:, None] - shares.mean(0) + shares.mean()
    freedom = (len(names) - 1) * (len(seeds) - 1)
    error = np.sqrt((left**2).sum() / freedom * 2 / len(seeds))
    half = stats.t.ppf(0.975, freedom) * error
    lines = ["| recipe | right, % | more than `small`, points | minutes |"]
    lines.append("|---|---|---|---|")
    for name, mean in zip(names, means, strict=True):
        gain = mean - means[0]
        more = f"{gain:+.1f} ({gain - half:+.1f} to {gain + half:+.1f})"
        minutes = np.mean([float(found[name, s]["minutes"]) for s in seeds])
        more = "–" if name == names[0] else more
        lines.append(f"| {name} | {mean:.1f} | {more} | {minutes:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(*sys.argv[1:3], [int(seed) for seed in sys.argv[3:]] or [0, 1])
