"""`tfnas.run_training`: the command from Python."""

import dataclasses
from pathlib import Path
from typing import Any

from tfnas.cli import command
from tfnas.genotype import Genotype
from tfnas.train import config as train_config


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of a training.

    Attributes:
        network: as `tfnas.load` returns it: images in 0..255 to logits.
        accuracy: the share of test images that it classifies correctly.
        history: {column of history.csv: array (epochs,)}.
        folder: its folder, with the report, the weights and all files.
    """

    network: Any
    accuracy: float
    history: dict
    folder: Path


def run_training(
    genotype, data=None, *, test=None, classes=None, flip=None, **flags
):
    """Train a genotype's network, like `python -m tfnas.train`.

    The call restores the process: seeds, determinism and Keras's state. Only
    TensorFlow's threads stay as set, if it had not started yet.

    Args:
        genotype: a `Genotype`, or what --genotype takes, such as "DARTS_V2".
        data: (images, labels) with images in 0..255, a `tf.data.Dataset` of
            such pairs or of batches of them, a folder with train/CLASS/ and
            test/CLASS/, or None for the flags' data.
        test: test images, in the forms of `data`; by default a fifth of each
            class of `data`, which is then not trained on.
        classes: class names for arrays, by default their numbers.
        flip: for arrays, whether a mirrored image still shows its class; true
            by default.
        **flags: the command's flags, such as `preset="small"`, `epochs=3` or
            `out="runs/mine"`.

    Returns:
        A `Trained`: `network`, `accuracy`, `history`, `folder`.

    Raises:
        UserError: one line that names the flag or data at fault.

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
