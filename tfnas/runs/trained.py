"""What the folder of a finished training says."""

import dataclasses
import json
from pathlib import Path

from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.runs import network_fields

_DAMAGED = "the run is damaged, train it again"


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """What the folder of a finished training says."""

    folder: Path
    config: dict
    summary: dict
    genotype: Genotype
    weights: bytes

    @property
    def name(self):
        """The folder, for messages."""
        return str(self.folder)

    @property
    def weights_file(self):
        """Where `weights` are from: the best epoch's, or the last one's."""
        return self.folder / f"{self.summary['weights']}.safetensors"

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

    def size(self):
        """The keyword arguments of `tfnas.build_network`."""
        recipe = self.config["recipe"]
        return {
            "input_shape": self.image_shape,
            "classes": len(self.classes),
            **{name: recipe[name] for name in ("channels", "cells", "stem")},
        }

    def images(self, data_dir=None):
        """The arguments of `tfnas.data.load` for what it was trained on.

        Args:
            data_dir: folder of the images, if it is not where the run read
                them.
        """
        asked, recipe = self.config["config"], self.config["recipe"]
        return (
            asked["dataset"],
            data_dir or asked.get("data_dir"),
            asked.get("image_size"),
            # Runs of before there was a choice have none.
            recipe.get("augmentation", "cifar"),
        )


def read_run(folder):
    """The `TrainedRun` of a folder.

    Raises:
        UserError: if it is not a folder of `tfnas.train`, or not finished.
    """
    folder = Path(folder)
    config = read_json(folder / "config.json")
    _check_kind(config, folder)
    if not (folder / "summary.json").is_file():
        raise UserError(
            f"{folder}: the training has not finished; go on with it with "
            "--resume"
        )
    summary = read_json(folder / "summary.json")
    _check_values(config, summary, folder)
    genotype = Genotype.from_json(folder / "genotype.json")
    run = TrainedRun(folder, config, summary, genotype, b"")
    try:
        weights = run.weights_file.read_bytes()
    except OSError as error:
        raise UserError(f"{run.weights_file}: {error.strerror}") from None
    return dataclasses.replace(run, weights=weights)


def dataset_of(run, data_dir=None):
    """The `Dataset` that a run was trained on.

    Args:
        run: a `TrainedRun`.
        data_dir: folder of the images, if it is not where the run read them.

    Raises:
        UserError: if it cannot be had, or has other classes.
    """
    from tfnas import data

    dataset = data.load(*run.images(data_dir))
    if tuple(dataset.classes) != run.classes:
        raise UserError(
            f"{run.name}: was trained on {len(run.classes)} classes, "
            f"{dataset.name} has {len(dataset.classes)} or other ones; give "
            "the images that it was trained on"
        )
    return dataset


def with_statistics(run, data_dir=None):
    """The run with mean and deviation, which earlier versions did not record.

    Those come from the images then.

    Args:
        run: a `TrainedRun`.
        data_dir: folder of the images, if it is not where the run read them.

    Raises:
        UserError: if they are needed and cannot be had.
    """
    recorded = run.config["data"]
    if "mean" in recorded and "std" in recorded:
        return run
    try:
        dataset = dataset_of(run, data_dir)
    except UserError as error:
        raise UserError(
            f"{error} (data_dir; {run.name} is of an earlier version, which "
            "did not record mean and deviation)"
        ) from None
    found = {"mean": list(dataset.mean), "std": list(dataset.std)}
    config = {**run.config, "data": {**recorded, **found}}
    return dataclasses.replace(run, config=config)


def read_json(path):
    """The content of a JSON file of a run."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}; give the folder of a finished run"
        ) from None
    except ValueError:
        raise UserError(f"{path}: not JSON; the run is damaged") from None


def hours(summary):
    """How long a run took, for the record."""
    return round(summary["seconds"] / 3600, 3)


# === Other folders ===


def _check_kind(config, folder):
    """Refuse the folder of a search, or of anything else."""
    groups = ("config", "recipe", "genotype", "data")
    if isinstance(config, dict) and all(
        isinstance(config.get(group), dict) for group in groups
    ):
        return
    remedy = "give such a folder"
    if (folder / "genotype.json").is_file():
        remedy = (
            f"train what it found: python -m tfnas.train --genotype={folder}"
        )
    raise UserError(f"{folder}: not of tfnas.train; {remedy}")


def _check_values(config, summary, folder):
    data, recipe, chosen = config["data"], config["recipe"], None
    names = {"image_shape": data, "classes": data, "channels": recipe}
    names |= {"cells": recipe, "stem": recipe}
    names |= {name: data for name in ("mean", "std") if name in data}
    values = {name: group.get(name) for name, group in names.items()}
    network_fields.check(values, folder / "config.json", _DAMAGED)
    if isinstance(summary, dict):
        chosen = summary.get("weights")
    if chosen not in ("best", "last"):
        raise UserError(
            f"{folder / 'summary.json'}: weights={chosen!r} is neither best "
            f"nor last; {_DAMAGED}"
        )
