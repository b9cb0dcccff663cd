"""The plan: what was seen and measured, what will be done, and why.

It is written before anything runs and never changed.
"""

import dataclasses
import json
from pathlib import Path

from tfnas.auto import predict, rules
from tfnas.auto.predict import Measured, Seen
from tfnas.auto.rules import COMPARED_FROM
from tfnas.cli.files import staged
from tfnas.errors import UserError
from tfnas.runs import contents, parsing

# A machine that drifts by 15 % either way stays within three quarters and all.
PLANNED = 0.86
# The share of the free memory that a plan may take.
ROOM = 0.75
HELD_OUT, MOST_HELD_OUT = 0.1, 5_000
# Images of each class that a training needs at least.
FEW = 20


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


@dataclasses.dataclass(frozen=True)
class Plan:
    """A whole plan.

    Attributes:
        config: {flag: value} that it was made for.
        hours: of this round.
        seen: a `Seen`.
        measured: a `Measured`, on the chosen rung.
        choices: {"topic", "values", "reason", "evidence"} of each choice.
        network: "channels", "cells" and "multiply_adds" of a network with a
            typical cell.
        steps: the `Step`s in order.
        beside: {name: minutes} of what else is predicted.
        minutes: predicted, of everything.
        memory: bytes at the peak of the largest step.
        notes: what else to know.
    """

    config: dict
    hours: float
    seen: Seen
    measured: Measured
    choices: tuple
    network: dict
    steps: tuple
    beside: dict
    minutes: float
    memory: float
    notes: tuple

    def write(self, folder):
        """Write it to a folder, whole or not at all."""
        path = Path(folder) / contents.PLAN
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(dataclasses.asdict(self), indent=2) + "\n"
        with staged(path) as aside:
            aside.write_text(text, encoding="utf-8")

    @property
    def found(self):
        """The folder of the cell that its first training takes."""
        return self.trainings[0].flags["genotype"]

    @property
    def trainings(self):
        return [step for step in self.steps if step.kind == "train"]


def read(folder):
    """The `Plan` of a folder, None without one."""
    path = Path(folder) / contents.PLAN
    if not path.is_file():
        return None
    found = parsing.read_json(path)
    parsing.require(path, found, [f.name for f in dataclasses.fields(Plan)])
    return Plan(
        **{
            **found,
            "seen": Seen(**found["seen"]),
            "measured": Measured(**found["measured"]),
            "choices": tuple(found["choices"]),
            "steps": tuple(Step(**step) for step in found["steps"]),
            "notes": tuple(found["notes"]),
        }
    )


def case_of(seen, hours):
    """The `rules.Case` of what was seen."""
    return rules.Case(
        images=seen.images,
        side=min(seen.height, seen.width),
        seconds_per_image=3600 * hours / seen.images,
        imbalance=seen.most / max(seen.rarest, 1e-9),
    )


@dataclasses.dataclass(frozen=True)
class Filled:
    """How a rung fills the time.

    Attributes:
        measured: the `Measured` of the rung.
        search_images: images of the search.
        search_epochs: its epochs.
        images: images of a training, the held-out ones included.
        epochs: its epochs.
        search_seconds: the search's time.
        seconds: a training's time.
        total: everything's, by the plan.
        full: whether every ceiling was reached.
    """

    measured: Measured
    search_images: int
    search_epochs: int
    images: int
    epochs: int
    search_seconds: float
    seconds: float
    total: float
    full: bool


def filled(rung, measured, seen, values, hours, compared):
    """The `Filled` of a rung, None if it is too large for the time.

    On the smallest rung the runs may take a part of the images. `compared` says
    whether rivals are trained too.
    """
    smallest = rung == 0
    here = predict.at(rung, measured, seen, values)
    trainings = 3 if compared else 1
    search_start = predict.search_start(here)
    start = predict.training_start(here, seen, values)
    fixed = measured.seconds + search_start + trainings * start
    fixed += predict.export(here) + predict.ending(here)
    if compared:
        fixed += predict.drawing(here)
    room = PLANNED * 3600 * hours - fixed
    if room <= 0:
        return None
    # === Trainings: as many epochs as their share allows ===
    share = (1 - values["search_share"]) * room / trainings
    image, images = predict.image(here, values), seen.images
    least, most = values["least_epochs"], values["epochs"]
    if share < least * images * image:
        images = int(share / (least * image))
        if not smallest or images < FEW * seen.classes:
            return None
    epoch = images * image
    epochs = min(most, int(share / epoch))
    # === The search: what remains, by more images before more epochs ===
    pair = predict.pair(here)
    pairs = (room - trainings * epochs * epoch) / pair
    fewest, longest = values["least_search_epochs"], values["search_epochs"]
    usual = 2 * fewest
    searched = min(seen.images, int(2 * pairs / usual))
    if searched < min(seen.images, values["search_images"]):
        searched = min(seen.images, values["search_images"])
    passes = min(longest, int(2 * pairs / searched))
    if passes < fewest and not smallest:
        return None
    if passes < fewest:
        passes, searched = fewest, int(2 * pairs / fewest)
        if searched < FEW * seen.classes:
            return None
    search = passes * searched / 2 * pair
    # === What the search leaves, as it has a ceiling ===
    epochs = min(most, int((room - search) / trainings / epoch))
    spent = search + trainings * epochs * epoch
    return Filled(
        measured=here,
        search_images=searched,
        search_epochs=passes,
        images=images,
        epochs=epochs,
        search_seconds=search_start + search,
        seconds=start + epochs * epoch,
        total=fixed + spent,
        full=passes == longest and epochs == most,
    )


def best_rung(measured, seen, values, hours, compared=None):
    """(`Filled` of the largest rung that fits, notes); raises without one."""
    notes = []
    if compared is None:
        compared = hours >= COMPARED_FROM
    for rung in range(values["rung"], -1, -1):
        found = filled(rung, measured, seen, values, hours, compared)
        if found is None:
            continue
        need = predict.memory(rung, seen, values)
        if need <= ROOM * seen.memory:
            return found, tuple(notes)
        of = f"{need / 1e9:.1f} GB of {seen.memory / 1e9:.1f}"
        if rung == 0:
            notes.append(f"even the smallest networks need {of}: it may stop")
            return found, tuple(notes)
        channels = rules.LADDER[rung].network[0]
        notes.append(
            f"networks of {channels} channels would need {of}: smaller ones"
        )
    raise UserError(
        f"--hours={hours}: too short for {seen.images:,} images on this "
        f"machine; use at least --hours={_least_hours(measured, seen, values)}"
    )


def _least_hours(measured, seen, values):
    hours = 0.05
    while filled(0, measured, seen, values, hours, False) is None:
        hours *= 1.1
        if hours > 1000:
            break
    return round(hours + 0.005, 2)


def make(config, seen, measured):
    """The `Plan` of a first round.

    Args:
        config: an `AutoConfig`.
        seen: a `Seen`.
        measured: a `Measured`.

    Raises:
        UserError: if the time is too short.
    """
    return searched(
        config,
        seen,
        measured,
        hours=config.hours,
        compared=config.hours >= COMPARED_FROM,
        seed=config.seed,
        out=config.out,
    )


def searched(config, seen, measured, *, hours, compared, seed, out):
    """The `Plan` of a round that searches.

    Args:
        config: an `AutoConfig`.
        seen: a `Seen`.
        measured: a `Measured`.
        hours: of the round.
        compared: whether rivals are trained too.
        seed: of the search.
        out: the round's folder.
    """
    case = case_of(seen, hours)
    values = rules.values(case)
    found, notes = best_rung(measured, seen, values, hours, compared)
    if not measured.whole:
        notes += (
            "too little time to time a step of the search: it is taken from "
            "the training's by their multiply-adds",
        )
    if found.full:
        notes += (
            "every ceiling of epochs is reached: it ends before the time is up",
        )
    network = _network(found, seen, values)
    return Plan(
        config=recorded(config),
        hours=hours,
        seen=seen,
        measured=found.measured,
        choices=choices(case),
        network=network,
        steps=tuple(_steps(config, out, found, seen, values, compared, seed)),
        beside=beside(found.measured, measured.seconds),
        minutes=round(found.total / 60, 2),
        memory=predict.memory(found.measured.rung, seen, values),
        notes=notes,
    )


def beside(measured, looking):
    """{name: minutes} of what is done besides the steps."""
    seconds = {
        "looking": looking,
        "export": predict.export(measured),
        "answers": predict.ending(measured),
    }
    return {name: _minutes(value) for name, value in seconds.items() if value}


def recorded(config):
    """{flag: value} that a plan keeps."""
    found = dataclasses.asdict(config)
    del found["plan"]
    return found


def choices(case):
    """The rows of the table that hold, JSON-ready."""
    return tuple(
        {
            "topic": row.topic,
            "values": row.values,
            "reason": row.reason,
            "evidence": row.evidence,
        }
        for row in rules.chosen(case).values()
    )


def _network(found, seen, values):
    rung = found.measured.rung
    channels, cells = rules.LADDER[rung].network
    _, multiply_adds = predict.multiply_adds(rung, seen, values)
    return {
        "channels": channels,
        "cells": cells,
        "multiply_adds": multiply_adds,
    }


# === Steps ===


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
        minutes=_minutes(found.search_seconds),
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
        minutes=_minutes(found.seconds),
        reason=f"{found.epochs} epochs of {found.images - held:,} images, "
        f"{held:,} held out to choose",
        fit=fit,
    )


def _steps(config, out, found, seen, values, compared, seed):
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
        minutes=_minutes(predict.drawing(found.measured)),
        reason="a cell drawn at random among those of equal cost",
        fit="random",
    )


def _weighted(values):
    rule = values["class_weights"]
    return {} if rule == "none" else {"class_weights": rule}


def _run(seed, out, minutes=1.0):
    kept = {} if minutes is None else {"checkpoint_minutes": minutes}
    return {**kept, "seed": seed, "out": out}


def _minutes(seconds):
    return round(seconds / 60, 2)
