"""One network of the zoo: its line in index.json, checked."""

import dataclasses
import re

from tfnas.errors import UserError
from tfnas.runs import network_fields
from tfnas.runs.network_fields import count, not_negative, record, text

MEASURED, PAPER = "measured here", "paper"
# NAS-Bench-201's accuracy of a cell; only in rows of results.
BENCHMARK = "NAS-Bench-201"
# The method of a genotype drawn at random.
RANDOM = "random"
# A published cell, or ARCHITECTURE.DATASET_cCHANNELS_lCELLS.
NAME = re.compile(
    r"(?P<genotype>[A-Za-z0-9][A-Za-z0-9_]*)"
    r"(\.(?P<dataset>[a-z0-9][a-z0-9_]*)_c(?P<channels>\d+)_l(?P<cells>\d+))?",
    re.ASCII,
)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A network of the zoo.

    No field holds a path: every file's place follows from the name.

    Attributes:
        name: ARCHITECTURE.WEIGHTS, or a published cell's name.
        kind: "measured here", or "paper" if the figures are the authors'.
        dataset: the data set that the network classifies.
        image_shape: (height, width, channels).
        image_range: (0, 255).
        mean: mean of each channel, in 0..1 units.
        std: deviation of each channel, in 0..1 units.
        classes: names of the classes in the order of the logits.
        channels, cells, stem: as in `tfnas.build_network`.
        parameters: trainable weights, without the auxiliary classifier.
        multiply_adds: for one image.
        genotype: {"sha256", "bytes"} of the genotype's file.
        method: the method that found the genotype, "random" if none did, or
            None if the authors' file does not say.
        weights: the same of the weights' file, or None.
        test: {"images", "correct"} measured on the test images, or None.
        training: the command, recipe, seed, hours, machine, weights and
            versions of the training, or None.
        search: command, seed and hours of the search before it, or None.
        paper: the authors' figures and their source, or None.
    """

    name: str
    kind: str
    dataset: str
    image_shape: tuple
    image_range: tuple
    mean: tuple
    std: tuple
    classes: tuple
    channels: int
    cells: int
    stem: str
    parameters: int
    multiply_adds: int
    genotype: dict
    method: str | None = None
    weights: dict | None = None
    test: dict | None = None
    training: dict | None = None
    search: dict | None = None
    paper: dict | None = None

    @classmethod
    def from_dict(cls, data, where="index.json"):
        """The entry of a parsed line; the inverse of `to_dict`.

        Args:
            data: what JSON gave.
            where: the file, for messages.

        Raises:
            UserError: one line that names the first wrong field.
        """
        if not isinstance(data, dict):
            raise UserError(f"{where}: an entry is not an object; {_REMEDY}")
        where = f"{where}: {str(data.get('name'))[:60]!r}"
        names = {field.name: field for field in dataclasses.fields(cls)}
        optional = {n for n, f in names.items() if f.default is None}
        for name in sorted(data.keys() - names.keys()):
            raise UserError(f"{where}: {name[:40]!r} is not a field; {_REMEDY}")
        found = {
            name: data.get(name)
            for name in names
            if not (data.get(name) is None and name in optional)
        }
        network_fields.check(found, where, _REMEDY, _FIELDS)
        entry = cls(
            **{
                k: tuple(v) if isinstance(v, list) else v
                for k, v in data.items()
            }
        )
        entry._check(where)
        return entry

    def to_dict(self):
        """The entry, JSON-ready, without fields that are None."""
        values = vars(self).items()
        return {
            k: list(v) if isinstance(v, tuple) else v
            for k, v in values
            if v is not None
        }

    @property
    def architecture(self):
        """The name of its genotype in the zoo."""
        return NAME.fullmatch(self.name)["genotype"]

    @property
    def accuracy(self):
        """The share of test images classified correctly, or None."""
        return self.test and self.test["correct"] / self.test["images"]

    def size(self):
        """The keyword arguments of `tfnas.build_network`."""
        return {
            "input_shape": self.image_shape,
            "classes": len(self.classes),
            "channels": self.channels,
            "cells": self.cells,
            "stem": self.stem,
        }

    def cost(self, genotype):
        """The exact `Cost` of the network, counted without building it."""
        # Names and flags do not need NumPy.
        from tfnas import cost

        return cost.built_cost(genotype, **self.size())

    def _check(self, where):
        """Refuse fields that contradict each other."""
        match = NAME.fullmatch(self.name)
        sizes = (str(self.channels), str(self.cells))
        wrong = (
            (
                match["dataset"] and sizes != match.group("channels", "cells"),
                "channels and cells differ from the name's",
            ),
            (
                match["dataset"] and self.dataset != match["dataset"],
                "dataset differs from the name's",
            ),
            (
                self.kind == MEASURED
                and None in (self.weights, self.test, self.training),
                "has no weights, test or training, but was measured here",
            ),
            (
                self.kind == PAPER and (self.test or not self.paper),
                "is from a paper, so it needs paper and has no test",
            ),
            (
                self.test and self.test["correct"] > self.test["images"],
                "test has more correct images than images",
            ),
        )
        for is_wrong, message in wrong:
            if is_wrong:
                raise UserError(f"{where}: {message}; {_REMEDY}")


# === Fields ===

_REMEDY = "restore the zoo, or build the entry again with tfnas.build"


def _whole(value):
    return value == 0 or count(value)


def _sha256(value):
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value)


_file = ("a SHA-256 and bytes", record(sha256=_sha256, bytes=count))
_FIELDS = network_fields.FIELDS | {
    "name": (
        "a name such as darts_fashion_mnist.fashion_mnist_c10_l5",
        lambda value: text(value) and NAME.fullmatch(value),
    ),
    "kind": (f"{MEASURED!r} or {PAPER!r}", (MEASURED, PAPER).__contains__),
    "dataset": ("a name", text),
    "image_range": ("[0, 255]", lambda value: value in ([0, 255], (0, 255))),
    "parameters": ("a whole number above 0", count),
    "multiply_adds": ("a whole number above 0", count),
    "genotype": _file,
    "method": ("a name", text),
    "weights": _file,
    "test": ("images and correct", record(images=count, correct=_whole)),
    "training": (
        "command, recipe, seed, hours and machine",
        record(
            command=text,
            recipe=lambda value: isinstance(value, dict),
            seed=not_negative,
            hours=not_negative,
            machine=text,
        ),
    ),
    "search": (
        "command, seed and hours",
        record(command=text, seed=not_negative, hours=not_negative),
    ),
    "paper": ("figures with their source", record(source=text)),
}
