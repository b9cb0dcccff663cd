"""Commands as the zoo records them, and as one types them again.

A recorded command names its genotype by the zoo's name, writes to its default
folder, and calls its folder of images DIR and a list of them DIR/images.csv:
the rest decides the result on any machine. A command is known by its dataclass,
such as `SearchConfig`, whose `VALUES` are its other flags.
"""

import shlex
from pathlib import Path

from tfnas.cli import command, flags
from tfnas.errors import UserError
from tfnas.runs import contents

DIR = "DIR"
# The list of images, if there was one.
LIST = f"{DIR}/{contents.IMAGES}"


def parse(config, words):
    """{flag: value} of a command `python -m tfnas.NAME`, a line or its words.

    A flag that no longer exists raises `UserError`.
    """
    words = shlex.split(words) if isinstance(words, str) else words
    return command.parse(list(words[2:]), config, config.VALUES)


def record(config, words, genotype=None, asked=None):
    """A typed command, in words, as the one line that the zoo records.

    `genotype` is the zoo's name of the trained genotype; `asked` has the run's
    data, which may come from the search that found the genotype.
    """
    given = parse(config, words)
    given = {k: v for k, v in given.items() if k not in flags.ASIDE}
    for name in flags.IMAGES if asked else ():
        if asked.get(name, getattr(config, name)) != getattr(config, name):
            given.setdefault(name, asked[name])
    if {"data_dir", "data_csv"} & given.keys():
        given["data_dir"] = DIR
    if "data_csv" in given:
        given["data_csv"] = LIST
    if genotype is not None:
        given = {"genotype": genotype, **given}
    return shlex.join([*words[:3], *command.typed(given)])


def replay(config, line, data_dir=None, **instead):
    """{flag: value} of a recorded command, to be run here.

    `data_dir` is the folder that the line calls DIR; `instead` are flags to
    add or replace.
    """
    given = parse(config, line)
    if given.get("data_dir") == DIR:
        if data_dir is None:
            raise UserError(
                f"--data_dir: missing; {line} reads images from a folder"
            )
        given["data_dir"] = data_dir
    if given.get("data_csv") == LIST:
        given["data_csv"] = str(Path(data_dir) / contents.IMAGES)
    return {**given, **instead}
