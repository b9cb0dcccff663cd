"""`tfnas COMMAND` and `python -m tfnas COMMAND`: all commands, a line each."""

import contextlib
import platform
import runpy
import sys
from importlib import metadata

from tfnas import __version__
from tfnas.cli import command, commands
from tfnas.errors import UserError, nearest

USAGE = """usage: tfnas COMMAND [--flag=value ...]

Searches for architectures, trains them and deploys them.
"""


def main(argv):
    """Run the command that argv[1] names, with the arguments after it."""
    _, first, *rest = [*argv, "--help"] if len(argv) < 2 else argv
    if first in command.HELP:
        print(USAGE, *_lines(), sep="\n")
    elif first == "--version":
        print(*_versions(), sep="\n")
    else:
        sys.argv = [_known(first), *rest]
        runpy.run_module(f"tfnas.{sys.argv[0]}", run_name="__main__")
    return 0


def script():
    """The console script `tfnas`."""
    command.run(main, sys.argv)


def _lines():
    """The commands, a line each, and where to read on."""
    wide = max(map(len, commands.names()))
    for name in commands.names():
        yield f"  {name:{wide}}  {commands.purpose(name)}"
    yield ""
    yield "tfnas COMMAND --help lists its flags, tfnas --version the version"


def _versions():
    """What the report of a fault needs, a package in each line."""
    yield f"tfnas {__version__}"
    yield f"python {platform.python_version()}"
    for name in ("keras", "numpy", "tensorflow", "tensorflow-cpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield f"{name} {metadata.version(name)}"


def _known(name):
    """The name, if it is a command's."""
    if name in commands.names():
        return name
    if name.startswith("-"):
        raise UserError(
            f"{name}: comes after a command, such as tfnas search {name}"
        )
    meant = name.lower().removeprefix("tfnas.")
    hint = nearest(meant, commands.names(), "tfnas --help lists them")
    raise UserError(f"{name}: no such command; {hint}")


if __name__ == "__main__":
    script()
