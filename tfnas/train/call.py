"""`tfnas.run_training`: a training in Python, as the command makes it."""

import dataclasses
from pathlib import Path
from typing import Any

from tfnas.cli import command
from tfnas.genotype import Genotype
from tfnas.train import config as train_config


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a training came to.

    Attributes:
        network: as in `tfnas.load`: images in 0..255 to logits.
        accuracy: the share of the test images that it classifies right.
        history: {column of history.csv: array (epochs,)}.
        folder: where its report, its weights and its other files are.
    """

    network: Any
    accuracy: float
    history: dict
    folder: Path


def run_training(
    genotype, data=None, *, test=None, classes=None, flip=None, **flags
):
    """Train the network of a genotype, as `python -m tfnas.train` does.

    The process stays as it was: seeds, determinism and Keras's own state. Only
    the way TensorFlow divides its threads stays, if it had not begun.

    Args:
        genotype: a `Genotype`, or what --genotype takes, such as "DARTS_V2".
        data: (images, labels) with images in 0..255, a `tf.data.Dataset` of
            such pairs or of batches of them, a folder with train/CLASS/ and
            test/CLASS/, or None for what the flags say.
        test: test images, as `data`; by default a fifth of each class of
            `data`, which is not trained on then.
        classes: names of the classes of arrays, by default their numbers.
        flip: whether a mirrored image of arrays still shows its class; true
            by default.
        **flags: those of the command, such as `preset="small"`, `epochs=3` or
            `out="runs/mine"`.

    Returns:
        A `Trained`: `network`, `accuracy`, `history`, `folder`.

    Raises:
        UserError: one line on the flag or the data at fault.

    Example: `tfnas.run_training("DARTS_V2", (images, labels)).accuracy`.
    """
    from tfnas.runs.called import called
    from tfnas.runs.reading import read_run
    from tfnas.train import run
    from tfnas.zoo.loading import network_of

    text = genotype.to_json() if isinstance(genotype, Genotype) else genotype
    given = {"genotype": text, **flags}
    configs = (train_config.TrainConfig, train_config.Recipe)
    about = {"test": test, "classes": classes, "flip": flip}
    with called(configs, data, given, **about) as (given, dataset):
        ready = train_config.ready(given, dataset)
        words = ["train", *command.typed(given)]
        accuracy = run.train(*ready, words, dataset)
        found = read_run(ready[0].out, "train")
        network = network_of(found)
    return Trained(network, accuracy, found.history, found.folder)
