"""`tfnas.run_search`: the command from Python."""

import dataclasses
from pathlib import Path

from tfnas.cli import command
from tfnas.genotype import Genotype
from tfnas.search import config as search_config


@dataclasses.dataclass(frozen=True)
class Found:
    """The result of a search.

    Attributes:
        genotype: the `Genotype`.
        history: {column of history.csv: array (epochs,)}.
        folder: its folder, with the report and all files.
    """

    genotype: Genotype
    history: dict
    folder: Path


def run_search(data=None, *, classes=None, flip=None, **flags):
    """Search for an architecture, like `python -m tfnas.search`.

    The call restores the process: seeds, determinism and Keras's state. Only
    TensorFlow's threads stay as set, if it had not started yet.

    Args:
        data: (images, labels) with images in 0..255, a `tf.data.Dataset` of
            such pairs or of batches of them, a folder with train/CLASS/ and
            test/CLASS/, or None for the flags' data.
        classes: class names for arrays, by default their numbers.
        flip: for arrays, whether a mirrored image still shows its class; true
            by default.
        **flags: the command's flags, such as `method="pdarts"`, `epochs=3`,
            `out="runs/mine"` or `cells=(5, 8)`.

    Returns:
        A `Found`: `genotype`, `history`, `folder`.

    Raises:
        UserError: one line that names the flag or data at fault.

    Example: `tfnas.run_search((images, labels), epochs=2).genotype`.
    """
    from tfnas.runs.called import called
    from tfnas.runs.reading import read_run
    from tfnas.search import run

    configs = (search_config.SearchConfig, search_config.Method)
    about = {"classes": classes, "flip": flip, "test_share": 0}
    with called(configs, data, flags, **about) as (given, dataset):
        config, method = search_config.ready(given, dataset)
        words = ["search", *command.typed(given)]
        genotype = run.search(config, method, words, dataset)
    found = read_run(config.out, "search")
    return Found(genotype, found.history, Path(config.out))
