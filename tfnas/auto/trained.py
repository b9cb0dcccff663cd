"""A plan's finished trainings, and the choice among them."""

import dataclasses
import shlex

from tfnas.report.measures import measured
from tfnas.runs.contents import is_finished
from tfnas.runs.reading import Run, read_run

TITLES = {
    "found": "the found cell",
    "random": "a random cell",
    "published": "a published cell",
}


@dataclasses.dataclass(frozen=True)
class Trained:
    """One training.

    Attributes:
        run: its `Run`.
        fit: whose cell, as in `Step`.
        round: its round, counted from 1.
    """

    run: Run
    fit: str
    round: int

    @property
    def title(self):
        """Whose cell it is, in words."""
        text = TITLES[self.fit]
        if self.fit == "published":
            text = (
                f"{self.run.genotype.provenance.get('name', text)}, published"
            )
        return text if self.round == 1 else f"{text}, round {self.round}"

    @property
    def held_out(self):
        """The share of held-out images that the tested weights get right."""
        return self._of_history("valid_accuracy")

    @property
    def held_out_loss(self):
        """Their mean loss."""
        return self._of_history("valid_loss")

    def _of_history(self, column):
        epoch = self.run.summary["epoch"]
        return float(self.run.history[column][epoch - 1])

    @property
    def tested(self):
        """The `Measures` of the test."""
        return measured(self.run.confusion)

    @property
    def command(self):
        """Its command as one would type it."""
        return shlex.join(map(str, self.run.typed))

    def values(self):
        """What summary.json says of it."""
        recipe, summary = self.run.config["recipe"], self.run.summary
        return {
            "folder": str(self.run.folder),
            "cell": self.title,
            "channels": recipe["channels"],
            "cells": recipe["cells"],
            "epochs": recipe["epochs"],
            "parameters": summary["parameters"],
            "multiply_adds": summary["multiply_adds"],
            "held_out_accuracy": self.held_out,
            "test_images": summary["test_images"],
            "test_correct": summary["test_correct"],
            "test_accuracy": summary["test_accuracy"],
        }


def all_of(plans):
    """The finished `Trained` of all rounds, in order."""
    return [
        Trained(read_run(step.folder, "train"), step.fit, number)
        for number, made in enumerate(plans, 1)
        for step in made.trainings
        if is_finished(step.folder)
    ]


def best(trained):
    """The one that is best on held-out images.

    Of equal accuracies the lowest loss decides; they are often all.
    """
    return max(trained, key=lambda one: (one.held_out, -one.held_out_loss))
