"""A network of the zoo, of a run or the user's own, and its facts."""

import dataclasses
from pathlib import Path
from typing import Any

from tfnas import zoo
from tfnas.genotype import Genotype
from tfnas.runs.reading import read_run
from tfnas.zoo.loading import genotype_of, network_of

# The share of a photograph's shorter side used in the tests.
_CROPS = {"imagenet": 224 / 256}


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A network and its facts.

    Attributes:
        network: the `keras.Model`.
        image_shape: (H, W, C).
        count: number of classes.
        classes: their names, or None.
        mean: mean of each channel in 0..1 units, None if `network` takes
            images in 0..255.
        std: their deviation, or None.
        crop: the share of an image file's shorter side to keep.
        genotype: the `Genotype`, or None.
        images: arguments of `tfnas.data.load` by name, or None.
        origin: where it comes from, JSON-ready.
    """

    network: Any
    image_shape: tuple
    count: int
    classes: tuple | None = None
    mean: tuple | None = None
    std: tuple | None = None
    crop: float = 1.0
    genotype: Genotype | None = None
    images: dict | None = None
    origin: dict | None = None


def of_config(config):
    """The `Source` that `--model` or `--run` names.

    Args:
        config: an object with `model`, `run`, `data_dir` and `zoo`.

    Raises:
        UserError: if it does not exist, or its files or images cannot be used.
    """
    if config.run:
        return _of_run(config)
    return _of_entry(config)


def _of_entry(config):
    entry = zoo.entry(config.model, config.zoo)
    folder = config.data_dir
    return Source(
        network=zoo.load(entry.name, zoo=config.zoo),
        image_shape=entry.image_shape,
        count=len(entry.classes),
        classes=entry.classes,
        genotype=genotype_of(entry, config.zoo),
        images={"name": entry.dataset, "data_dir": folder},
        origin={
            "zoo": entry.name,
            "mean": list(entry.mean),
            "std": list(entry.std),
            "weights_sha256": entry.weights["sha256"],
            "genotype_sha256": entry.genotype["sha256"],
            "test": entry.test,
        },
    )


def _of_run(config):
    run = read_run(config.run, "train").with_statistics(config.data_dir)
    images = run.images(config.data_dir)
    return Source(
        network=network_of(run),
        image_shape=run.image_shape,
        count=len(run.classes),
        classes=run.classes,
        crop=_CROPS.get(images.pop("augmentation"), 1.0),
        genotype=run.genotype,
        images=images,
        origin={
            "run": Path(config.run).name,
            "mean": list(run.mean),
            "std": list(run.std),
            "weights_sha256": zoo.index.stored(run.weights)["sha256"],
            "test": {
                "images": run.summary["test_images"],
                "correct": run.summary["test_correct"],
            },
        },
    )
