"""Predictions as plain text, CSV and JSON."""

import csv
import json
import sys

import numpy as np

from tfnas.data.files import readable
from tfnas.report import interval


def form(config, classes):
    """The function that prints answers in a `PredictConfig`'s form."""
    if config.json:
        return Json()
    return Csv(classes) if config.csv else Text(config.top)


def in_words(test, sheet):
    """Lines on a test's `Measures` and its contact sheet, if any."""
    if test is None:
        return []
    lines = [
        f"Accuracy: {100 * test.accuracy:.2f} % "
        f"({interval.counted(test.correct, test.images)}), {test.line()}"
    ]
    return [*lines, f"Most confident mistakes: {sheet}"] if sheet else lines


class Text:
    """A line for each image, with the most probable classes first."""

    def __init__(self, top):
        self.top = top

    def begin(self):
        pass

    def add(self, one):
        order = np.argsort(-one.shares, kind="stable")[: self.top]
        shown = ", ".join(
            f"{one.classes[place]} {100 * one.shares[place]:.1f} %"
            for place in order
        )
        wrong = f"; wrong: it is {one.image.label}" if one.is_mistake else ""
        print(f"{readable(one.image.path)}: {shown}{wrong}", flush=True)

    def end(self, test, sheet):
        lines = in_words(test, sheet)
        if lines:
            print("", *lines, sep="\n", flush=True)


class Csv:
    """A line for each image, with a column for each class.

    All other lines go to standard error.
    """

    def __init__(self, classes):
        self.classes = classes
        self.writer = csv.writer(sys.stdout, lineterminator="\n")

    def begin(self):
        head = ("file", "label", "class", "probability")
        self.writer.writerow([*head, *self.classes])

    def add(self, one):
        path, label = readable(one.image.path), one.image.label or ""
        shares = [f"{share:.6f}" for share in one.shares]
        own = f"{one.probability:.6f}"
        self.writer.writerow([path, label, one.named, own, *shares])
        sys.stdout.flush()

    def end(self, test, sheet):
        lines = in_words(test, sheet)
        if lines:
            print(*lines, sep="\n", file=sys.stderr, flush=True)


class Json:
    """One object: the images, and the measures of those with a label."""

    def __init__(self):
        self.images = []

    def begin(self):
        pass

    def add(self, one):
        label = one.image.label
        shares = map(float, one.shares)
        self.images.append(
            {
                "file": readable(one.image.path),
                **({"label": label} if label is not None else {}),
                "class": one.named,
                "probability": one.probability,
                "probabilities": dict(zip(one.classes, shares, strict=True)),
            }
        )

    def end(self, test, sheet):
        found = {"images": self.images}
        if test is not None:
            found["test"] = {
                "images": test.images,
                "correct": test.correct,
                "accuracy": test.accuracy,
                "interval": interval.wilson(test.correct, test.images),
                **test.values(),
                **({"mistakes": sheet} if sheet else {}),
            }
        print(json.dumps(found, indent=2), flush=True)
