"""What is exported: a network of the zoo, of a run, or one's own."""

import dataclasses
from pathlib import Path
from typing import Any

from tfnas import zoo
from tfnas.building.entries import read_run
from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.zoo.loading import genotype_of

# Of a photograph this share of the shorter side was shown in the tests.
_CROPS = {"imagenet": 224 / 256}


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A network and what is known of it.

    Attributes:
        network: the `keras.Model`.
        image_shape: (H, W, C).
        count: how many classes.
        classes: their names, or None.
        mean: mean of each channel in 0..1 units, None if `network` takes
            images in 0..255.
        std: their deviation, or None.
        crop: the share of the shorter side that is kept of an image file.
        genotype: the `Genotype`, or None.
        images: arguments of `tfnas.data.load`, or None.
        origin: where it is from, JSON-ready.

    Example: `of_config(ExportConfig(model="PDARTS")).image_shape`.
    """

    network: Any
    image_shape: tuple
    count: int
    classes: tuple | None = None
    mean: tuple | None = None
    std: tuple | None = None
    crop: float = 1.0
    genotype: Genotype | None = None
    images: tuple | None = None
    origin: dict | None = None


def of_config(config):
    """The `Source` that `--model` or `--run` names.

    Args:
        config: an object with `model`, `run`, `data_dir` and `zoo`.

    Raises:
        UserError: if there is none, or its files or images cannot be used.

    Example: `of_config(ExportConfig(run="runs/mine"))`.
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
        images=(entry.dataset, folder, None),
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
    from tfnas import data, weights
    from tfnas.networks.evaluation import build_network

    run = read_run(config.run)
    asked, found = run.config["config"], run.config["data"]
    recipe = run.config["recipe"]
    folder = config.data_dir or asked["data_dir"]
    images = (asked["dataset"], folder, asked["image_size"])
    # Runs of before there was a choice have none.
    augmentation = recipe.get("augmentation", "cifar")
    # Mean and deviation are the data set's own.
    dataset = data.load(*images, augmentation)
    if list(dataset.classes) != found["classes"]:
        raise UserError(
            f"--run={config.run}: was trained on {len(found['classes'])} "
            f"classes, {asked['dataset']} has {len(dataset.classes)} or other "
            "ones; give the images that it was trained on"
        )
    network = build_network(
        run.genotype,
        input_shape=tuple(found["image_shape"]),
        classes=len(found["classes"]),
        **{k: recipe[k] for k in ("channels", "cells", "stem")},
    )
    fresh = weights.transfer(
        network, weights.decode(run.weights, run.folder), run.folder
    )
    if fresh:
        raise UserError(f"--run={config.run}: {fresh[0]}; train it again")
    summary = run.summary
    return Source(
        network=network,
        image_shape=tuple(found["image_shape"]),
        count=len(found["classes"]),
        classes=tuple(found["classes"]),
        mean=tuple(map(float, dataset.mean)),
        std=tuple(map(float, dataset.std)),
        crop=_CROPS.get(augmentation, 1.0),
        genotype=run.genotype,
        images=images,
        origin={
            "run": Path(config.run).name,
            "weights_sha256": zoo.index.stored(run.weights)["sha256"],
            "test": {
                "images": summary["test_images"],
                "correct": summary["test_correct"],
            },
        },
    )
