"""The plan: what was seen and measured, what will be done, and why.

It is written before anything runs and never changed.
"""

import dataclasses
import json
from pathlib import Path

from tfnas.auto import budget, predict, rules, steps
from tfnas.auto.predict import Measured, Seen
from tfnas.auto.rules import COMPARED_FROM
from tfnas.auto.steps import Step
from tfnas.cli.files import staged
from tfnas.runs import contents, parsing


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
    case = budget.case_of(seen, hours)
    values = rules.values(case)
    found, notes = budget.best_rung(measured, seen, values, hours, compared)
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
        choices=choices(case, config),
        network=network,
        steps=tuple(
            steps.of_round(config, out, found, seen, values, compared, seed)
        ),
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
    return {
        name: steps.minutes(value) for name, value in seconds.items() if value
    }


def recorded(config):
    """{flag: value} that a plan keeps."""
    found = dataclasses.asdict(config)
    del found["plan"]
    return found


def choices(case, config):
    """The rows of the table that hold, JSON-ready, without what was typed."""
    return tuple(
        {
            "topic": row.topic,
            "values": row.values,
            "reason": row.reason,
            "evidence": row.evidence,
        }
        for row in rules.chosen(case).values()
        if config.image_size is None or "image_size" not in row.values
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
