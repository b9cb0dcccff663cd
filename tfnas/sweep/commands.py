"""Commands as the zoo records them, and as they are typed again.

A recorded command names its genotype by the zoo's name, writes to the folder
that the command chooses, and calls the folder of its images DIR: what is left
decides the result, wherever it is typed.
"""

import shlex

from tfnas import baseline, search, train
from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.methods.method import Method
from tfnas.train import Recipe

DIR = "DIR"
_CONFIGS = {
    "search": (search.SearchConfig, Method),
    "train": (train.TrainConfig, Recipe),
    "baseline": (baseline.BaselineConfig, Recipe),
}
# Where a run was and what it showed, but not what it gave.
_ASIDE = ("genotype", "out", "resume", "tensorboard", "tune")
_ASIDE += ("devices", "checkpoint_minutes")
_DATA = ("dataset", "data_dir", "image_size")


def record(kind, words, genotype=None, config=None):
    """A typed command as the zoo records it.

    Args:
        kind: "search", "train" or "baseline".
        words: what was typed, `python -m tfnas.KIND` first.
        genotype: the zoo's name of what was trained.
        config: what the run says of its data, which it may have taken from
            the run whose genotype it trained.

    Returns:
        The command as one line.

    Raises:
        UserError: if a flag is not one any more.
    """
    given = {k: v for k, v in parse(kind, words).items() if k not in _ASIDE}
    for name in _DATA if config else ():
        if config[name] != getattr(train.TrainConfig, name):
            given.setdefault(name, config[name])
    if "data_dir" in given:
        given["data_dir"] = DIR
    if genotype is not None:
        given = {"genotype": genotype, **given}
    return shlex.join(["python", "-m", f"tfnas.{kind}", *flags(given)])


def parse(kind, words):
    """{flag: value} of a command, as one line or as its words."""
    words = shlex.split(words) if isinstance(words, str) else words
    return command.parse([kind, *words[3:]], *_CONFIGS[kind])


def flags(given):
    """{flag: value} as one would type it."""
    return [
        f"--{name}={command.show(value)}"
        for name, value in given.items()
        if value is not None
    ]


def replay(kind, recorded, data_dir=None, **instead):
    """{flag: value} of a recorded command, to be run here.

    Args:
        kind: "search" or "train".
        recorded: the command as the zoo records it.
        data_dir: the folder that it calls DIR.
        **instead: flags to add or replace.

    Raises:
        UserError: if it needs a folder of images and none is given.
    """
    given = parse(kind, recorded)
    if given.get("data_dir") == DIR:
        if data_dir is None:
            raise UserError(
                f"--data_dir: missing; {recorded} reads images from a folder"
            )
        given["data_dir"] = data_dir
    return {**given, **instead}
