"""`python -m tfnas.report RUN`: writes a run's page again."""

import sys
from collections.abc import Sequence

from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.report import write_report

USAGE = "usage: python -m tfnas.report RUN   (RUN: a search's --out folder)"


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: the program's name and its arguments.

    Returns:
        The exit code: 0, or 1 after a line on standard error.
    """
    if argv[1:] in (["--help"], ["-h"]):
        print(USAGE)
        return 0
    if len(argv) != 2 or argv[1].startswith("-"):
        print(USAGE, file=sys.stderr)
        return 1
    try:
        page = write_report(argv[1])
    except (UserError, OSError) as error:
        print(f"tfnas.report: {error}", file=sys.stderr)
        return 1
    print(page)
    return 0


if __name__ == "__main__":
    command.run(main)
