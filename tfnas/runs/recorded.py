"""Commands as the zoo records them, and as they are typed again.

A recorded command names its genotype by the zoo's name, writes to the folder
that the command chooses, and calls the folder of its images DIR: what is left
decides the result, wherever it is typed. A command is known by its dataclass,
such as `SearchConfig`, whose `VALUES` are its other flags.
"""

import shlex

from tfnas.cli import command, flags
from tfnas.errors import UserError

DIR = "DIR"


def parse(config, words):
    """{flag: value} of a command, as one line or as its words.

    Args:
        config: the command's dataclass.
        words: what was typed, `python -m tfnas.NAME` first.

    Raises:
        UserError: if a flag is not one any more.
    """
    words = shlex.split(words) if isinstance(words, str) else words
    return command.parse(list(words[2:]), config, config.VALUES)


def record(config, words, genotype=None, asked=None):
    """A typed command as the zoo records it.

    Args:
        config: as of `parse`.
        words: as of `parse`, but not as one line.
        genotype: the zoo's name of what was trained.
        asked: what the run says of its data, which it may have taken from the
            run whose genotype it trained.

    Returns:
        The command as one line.

    Raises:
        UserError: as of `parse`.
    """
    given = parse(config, words)
    given = {k: v for k, v in given.items() if k not in flags.ASIDE}
    for name in flags.IMAGES if asked else ():
        if asked[name] != getattr(config, name):
            given.setdefault(name, asked[name])
    if "data_dir" in given:
        given["data_dir"] = DIR
    if genotype is not None:
        given = {"genotype": genotype, **given}
    return shlex.join([*words[:3], *command.typed(given)])


def replay(config, line, data_dir=None, **instead):
    """{flag: value} of a recorded command, to be run here.

    Args:
        config: the command's dataclass.
        line: the command as the zoo records it.
        data_dir: the folder that it calls DIR.
        **instead: flags to add or replace.

    Raises:
        UserError: if it needs a folder of images and none is given.
    """
    given = parse(config, line)
    if given.get("data_dir") == DIR:
        if data_dir is None:
            raise UserError(
                f"--data_dir: missing; {line} reads images from a folder"
            )
        given["data_dir"] = data_dir
    return {**given, **instead}
