"""`tfnas.auto_search`: the command from Python."""

import dataclasses
import os
from pathlib import Path
from typing import Any

from tfnas.auto import config as auto_config
from tfnas.cli import command
from tfnas.genotype import Genotype


@dataclasses.dataclass(frozen=True)
class Handed:
    """The result of the whole way.

    Attributes:
        network: as `tfnas.load` returns it: images in 0..255 to logits.
        genotype: the `Genotype` of its cell.
        accuracy: the share of test images that it classifies correctly.
        summary: the content of summary.json.
        folder: the folder, with the report, the exports and all runs.
    """

    network: Any
    genotype: Genotype
    accuracy: float
    summary: dict
    folder: Path


def auto_search(data=None, *, test=None, classes=None, **flags):
    """Go from images to an exported network, like `python -m tfnas.auto`.

    Every step runs in its process, as the command's do. Images given as arrays
    become files in the folder's `images`, and count as photographs: a mirrored
    one shows the same class.

    Args:
        data: a folder of images, (images, labels) with images in 0..255, a
            `tf.data.Dataset` of such pairs or of batches of them, or None for
            the flags' data.
        test: test images, in the forms of `data`; by default a fifth of each
            class of `data`, which is then not trained on.
        classes: class names for arrays, by default their numbers.
        **flags: the command's flags, such as `hours=2` or `out="runs/mine"`.

    Returns:
        A `Handed`: `network`, `genotype`, `accuracy`, `summary`, `folder`.

    Raises:
        UserError: one line that names the flag or data at fault.

    Example: `tfnas.auto_search("photos", hours=2, out="runs/photos").accuracy`.
    """
    from tfnas.auto import given_images, run
    from tfnas.errors import UserError
    from tfnas.runs.reading import read_run
    from tfnas.zoo.loading import network_of

    given = {k: v for k, v in flags.items() if v is not None}
    words = command.typed(given)
    given = command.parse(["tfnas", *words], auto_config.AutoConfig)
    if given.get("plan"):
        raise UserError("--plan: works only on the command line; leave it out")
    if data is not None and (clash := {"dataset", "data_dir"} & given.keys()):
        raise UserError(f"--{min(clash)}: leave it out, or the data")
    if isinstance(data, str | os.PathLike):
        given["data_dir"] = os.path.expanduser(os.fspath(data))
    elif data is not None:
        if "out" not in given:
            raise UserError("--out: missing; give a folder for the images")
        given["data_dir"] = given_images.write(
            given["out"], data, test, classes, given.get("seed", 0)
        )
    config = auto_config.ready(given)
    summary = run.run(config)
    found = read_run(summary["chosen"]["folder"], "train")
    return Handed(
        network_of(found),
        found.genotype,
        summary["chosen"]["test_accuracy"],
        summary,
        Path(config.out),
    )
