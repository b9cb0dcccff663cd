"""The one reader of a run's folder."""

import dataclasses
import functools
import math
from pathlib import Path

from tfnas.cli import flags
from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.runs import contents, earlier, kept_images, network_fields, parsing

_DAMAGED = "the run is damaged, train it again"
# A field of each part of config.json, to tell that it is there.
_PARTS = ("config.dataset", "data.classes", "recipe.channels")


@dataclasses.dataclass(frozen=True)
class Run:
    """A run's files, each read on first use.

    An attribute of another kind of run raises an error that its file is
    missing.

    Attributes:
        folder: the run's.
        config: `config.json`: command, flags, values, data, versions.
    """

    folder: Path
    config: dict

    @property
    def kind(self):
        """The run's command: "search", "train" or "baseline"."""
        return contents.kind(self.config)

    @property
    def name(self):
        """The folder, for messages."""
        return str(self.folder)

    @property
    def finished(self):
        """Whether it has finished writing."""
        return contents.is_finished(self.folder)

    @property
    def typed(self):
        """The words of its command, completed for older runs."""
        return earlier.typed(self.config)

    @functools.cached_property
    def summary(self):
        """`summary.json`: cost and results."""
        return parsing.read_json(self.folder / contents.SUMMARY)

    @property
    def hours(self):
        """The run's duration."""
        return self.summary["seconds"] / 3600

    @functools.cached_property
    def genotype(self):
        """The `Genotype` that was found or trained."""
        path = self.folder / contents.GENOTYPE
        parsing.content(path)  # Raises if it cannot be read.
        return Genotype.from_json(path)

    @functools.cached_property
    def history(self):
        """{column: float array (epochs,)}; an empty field is NaN."""
        columns = {
            "search": (contents.SEARCH_COLUMNS, contents.OPTIONAL_COLUMNS),
            "train": (contents.TRAINING_COLUMNS,),
        }[self.kind]
        path = self.folder / contents.HISTORY
        return parsing.read_columns(path, *columns)

    @functools.cached_property
    def measured(self):
        """What a comparison has measured of it since, or {}."""
        path = self.folder / contents.MEASURED
        return parsing.read_json(path) if path.exists() else {}

    def require_fields(self):
        """Refuse a run whose JSON files lack fields of its page."""
        for name, document, fields in zip(
            (contents.CONFIG, contents.SUMMARY),
            (self.config, self.summary),
            contents.NEEDED[self.kind],
            strict=True,
        ):
            parsing.require(self.folder / name, document, fields)

    # === Searches, with or without gradients ===

    @functools.cached_property
    def stages(self):
        """The arrays of each stage, see `parsing.read_stages`."""
        return parsing.read_stages(self.folder / contents.ALPHAS)

    @functools.cached_property
    def snapshots(self):
        """The `Snapshot` of every epoch."""
        return parsing.read_snapshots(self.folder / contents.GENOTYPES)

    @functools.cached_property
    def decisions(self):
        """`decisions.json`: the choices by removals, [] if there were none."""
        path = self.folder / contents.DECISIONS
        return parsing.read_json(path) if path.exists() else []

    @functools.cached_property
    def trials(self):
        """{"score", "seconds": float array (trials,)} of a baseline."""
        path = self.folder / contents.TRIALS
        return parsing.read_columns(path, ("score", "seconds"))

    @property
    def supernet_accuracy(self):
        """The last accuracy on the second half in percent, or None."""
        if self.kind != "search":
            return None
        path = self.folder / contents.HISTORY
        rows = parsing.read_columns(path, ("valid_accuracy",))
        last = float(rows["valid_accuracy"][-1])
        return None if math.isnan(last) else 100 * last

    # === Trainings ===

    @property
    def classes(self):
        """Names of the classes in the order of the logits."""
        return tuple(self.config["data"]["classes"])

    @property
    def image_shape(self):
        """(height, width, channels)."""
        return tuple(self.config["data"]["image_shape"])

    @property
    def mean(self):
        """Mean of each channel, in 0..1 units; see `with_statistics`."""
        return tuple(self.config["data"]["mean"])

    @property
    def std(self):
        """Deviation of each channel, in 0..1 units; see `with_statistics`."""
        return tuple(self.config["data"]["std"])

    @property
    def cells(self):
        """Cells of the network, or its layers in the space mobile."""
        layers = self.config["genotype"].get("layers")
        return len(layers) if layers else self.config["recipe"]["cells"]

    def size(self):
        """The keyword arguments of `tfnas.build_network`."""
        recipe = self.config["recipe"]
        return {
            "input_shape": self.image_shape,
            "classes": len(self.classes),
            **{name: recipe[name] for name in ("channels", "cells", "stem")},
        }

    @property
    def weights_file(self):
        """The tested weights: the best epoch's, or the last's."""
        names = {"best": contents.BEST, "last": contents.LAST}
        return self.folder / names[self.summary["weights"]]

    @functools.cached_property
    def weights(self):
        """The bytes of `weights_file`."""
        return parsing.content(self.weights_file)

    @functools.cached_property
    def confusion(self):
        """(classes, classes) test images, row true, column predicted."""
        path = self.folder / contents.CONFUSION
        return parsing.read_confusion(path, len(self.classes))

    def images(self, data_dir=None):
        """The arguments of `tfnas.data.load`, by name, for its images.

        `data_dir` is the images' folder if they have moved.
        """
        asked, recipe = self.config["config"], self.config["recipe"]
        # Older runs do not have all of them.
        given = {name: asked.get(name) for name in flags.IMAGES}
        listed = kept_images.listed(self.folder, given, data_dir)
        given |= {"data_dir": data_dir or given["data_dir"], **listed}
        return {
            "name": given.pop("dataset"),
            **given,
            "seed": asked["seed"],
            "skip_damaged": asked.get("skip_damaged", False),
            "augmentation": recipe.get("augmentation", "cifar"),
        }

    def dataset(self, data_dir=None):
        """The `Dataset` of the training; other classes are refused."""
        from tfnas import data

        dataset = data.load(**self.images(data_dir))
        if tuple(dataset.classes) != self.classes:
            raise UserError(
                f"{self.name}: was trained on {len(self.classes)} classes, "
                f"{dataset.name} has {len(dataset.classes)} or others; give "
                "the images of its training"
            )
        return dataset

    def with_statistics(self, data_dir=None):
        """The run with mean and deviation.

        Earlier runs did not record them; they are computed from the images,
        found as by `images`.
        """
        recorded = self.config["data"]
        if "mean" in recorded and "std" in recorded:
            return self
        try:
            dataset = self.dataset(data_dir)
        except UserError as error:
            raise UserError(
                f"{error} (data_dir; {self.name} is from an earlier version, "
                "which did not record mean and deviation)"
            ) from None
        found = {"mean": list(dataset.mean), "std": list(dataset.std)}
        config = {**self.config, "data": {**recorded, **found}}
        return dataclasses.replace(self, config=config)


def read_run(folder, kind=None):
    """The `Run` of a folder that `--out` named.

    `kind` is "search", "train" or "baseline" if it must be that one. A
    training's network fields are then checked.
    """
    run = _opened(Path(folder))
    if run.kind is None or kind not in (None, run.kind):
        remedy = "give such a folder"
        if kind == "train" and (run.folder / contents.GENOTYPE).is_file():
            typed = f"python -m tfnas.train --genotype={folder}"
            remedy = f"train its genotype: {typed}"
        wanted = f"tfnas.{kind}" if kind else "a run"
        path = run.folder / contents.CONFIG
        raise UserError(f"{path}: not from {wanted}; {remedy}")
    if kind == "train":
        _check_network(run)
    return run


def runs_in(folder):
    """Yields the `Run` of every folder in a folder, by name."""
    for path in sorted(Path(folder).glob(f"*/{contents.CONFIG}")):
        run = _opened(path.parent)
        if run.kind is not None:
            yield run


def _opened(folder):
    return Run(folder, parsing.read_json(folder / contents.CONFIG))


def _check_network(run):
    """Refuse a training whose files do not describe its network."""
    path = run.folder / contents.CONFIG
    parsing.require(path, run.config, _PARTS)
    data, recipe = run.config["data"], run.config["recipe"]
    names = {"image_shape": data, "classes": data, "channels": recipe}
    names |= {"cells": recipe, "stem": recipe}
    names |= {name: data for name in ("mean", "std") if name in data}
    values = {name: group.get(name) for name, group in names.items()}
    network_fields.check(values, path, _DAMAGED)
    path = run.folder / contents.SUMMARY
    parsing.require(path, run.summary, ("weights",))
    if run.summary["weights"] not in ("best", "last"):
        raise UserError(
            f"{path}: weights={run.summary['weights']!r} is neither best nor "
            f"last; {_DAMAGED}"
        )
