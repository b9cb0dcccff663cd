"""`tfnas.run_search`: a search in Python, as the command makes it."""

import dataclasses
from pathlib import Path

from tfnas.cli import command
from tfnas.genotype import Genotype
from tfnas.search import config as search_config


@dataclasses.dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        genotype: the `Genotype`.
        history: {column of history.csv: array (epochs,)}.
        folder: where its report and its other files are.
    """

    genotype: Genotype
    history: dict
    folder: Path


def run_search(data=None, *, classes=None, flip=None, **flags):
    """Search an architecture, as `python -m tfnas.search` does.

    The process stays as it was: seeds, determinism and Keras's own state. Only
    the way TensorFlow divides its threads stays, if it had not begun.

    Args:
        data: (images, labels) with images in 0..255, a `tf.data.Dataset` of
            such pairs or of batches of them, a folder with train/CLASS/ and
            test/CLASS/, or None for what the flags say.
        classes: names of the classes of arrays, by default their numbers.
        flip: whether a mirrored image of arrays still shows its class; true
            by default.
        **flags: those of the command, such as `method="pdarts"`, `epochs=3`,
            `out="runs/mine"` or `cells=(5, 8)`.

    Returns:
        A `Found`: `genotype`, `history`, `folder`.

    Raises:
        UserError: one line on the flag or the data at fault.

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
