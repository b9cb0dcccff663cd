"""The steps of a plan: ordinary commands with their flags."""

import dataclasses

from tfnas.auto import predict, rules

# The share of the images that choose, and the most of them.
HELD_OUT, MOST_HELD_OUT = 0.1, 5_000


@dataclasses.dataclass(frozen=True)
class Step:
    """One step: an ordinary command and its folder.

    Attributes:
        name: of the step, its folder's too.
        kind: the command.
        flags: {flag: value}; `cells.completed` adds what follows from the
            found cell.
        minutes: predicted.
        reason: why, in words.
        fit: whose cell: "" for none, "found", "random" or "published".
    """

    name: str
    kind: str
    flags: dict
    minutes: float
    reason: str
    fit: str = ""

    @property
    def folder(self):
        return self.flags["out"]


def images_of(config, seen):
    """{flag: value} of the images."""
    given = config.images()
    if seen.image_size is not None:
        given["image_size"] = seen.image_size
    return given


def _search_step(config, out, found, seen, values, seed):
    """The search."""
    channels, cells = rules.LADDER[found.measured.rung].search
    epochs = found.search_epochs
    part = {}
    if found.search_images < seen.images:
        part = {"train_images": found.search_images}
    return Step(
        name="search",
        kind="search",
        flags={
            "method": values["method"],
            "preset": "quick",
            **images_of(config, seen),
            **part,
            **_weighted(values),
            "channels": channels,
            "cells": (cells,),
            "epochs": epochs,
            "warmup_epochs": round(values["warmup"] * epochs),
            "beta_decay": values["beta_decay"],
            "alpha_learning_rate": values["alpha_learning_rate"],
            "batch_size": predict.SEARCH_BATCH,
            **_run(seed, f"{out}/search"),
        },
        minutes=minutes(found.search_seconds),
        reason=f"{epochs} epochs of {found.search_images:,} images",
    )


def training_step(config, name, out, found, seen, values, genotype, fit):
    """A training; all of a plan are alike but for the cell."""
    held = min(int(HELD_OUT * found.images), MOST_HELD_OUT)
    part = {}
    if found.images < seen.images:
        part = {"train_images": found.images}
    return Step(
        name=name,
        kind="train",
        flags={
            "genotype": genotype,
            "preset": "fast",
            **images_of(config, seen),
            **part,
            **_weighted(values),
            "cells": rules.LADDER[found.measured.rung].network[1],
            "epochs": found.epochs,
            "warmup_epochs": max(1, found.epochs // 5),
            "batch_size": values["batch_size"],
            "learning_rate": values["learning_rate"],
            "sizes": values["sizes"],
            "test_views": 1,
            "valid_images": held,
            **_run(config.seed, f"{out}/{name}"),
        },
        minutes=minutes(found.seconds),
        reason=f"{found.epochs} epochs of {found.images - held:,} images, "
        f"{held:,} held out to choose",
        fit=fit,
    )


def of_round(config, out, found, seen, values, compared, seed):
    """Yields the steps of a round that searches; see `plan.searched`."""
    yield _search_step(config, out, found, seen, values, seed)
    shared = (out, found, seen, values)
    cell = f"{out}/search"
    yield training_step(config, "trained", *shared, cell, "found")
    if compared:
        yield _random_step(config, out, found, seen, values)
        drawn = f"{out}/random"
        yield training_step(config, "random_trained", *shared, drawn, "random")
        yield training_step(
            config, "published_trained", *shared, cell, "published"
        )


def _random_step(config, out, found, seen, values):
    return Step(
        name="random",
        kind="baseline",
        flags={
            "name": "random",
            "preset": "fast",
            "like": f"{out}/search",
            "trials": 1,
            "epochs": 1,
            "warmup_epochs": 0,
            **images_of(config, seen),
            "train_images": min(seen.images, 20 * seen.classes),
            "cells": rules.LADDER[found.measured.rung].network[1],
            **_run(config.seed, f"{out}/random", minutes=None),
        },
        minutes=minutes(predict.drawing(found.measured)),
        reason="a cell drawn at random among those of equal cost",
        fit="random",
    )


def _weighted(values):
    rule = values["class_weights"]
    return {} if rule == "none" else {"class_weights": rule}


def _run(seed, out, minutes=1.0):
    kept = {} if minutes is None else {"checkpoint_minutes": minutes}
    return {**kept, "seed": seed, "out": out}


def minutes(seconds):
    """Minutes as plans have them."""
    return round(seconds / 60, 2)
