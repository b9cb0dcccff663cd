"""`python -m tfnas.report RUN`: Write a run's page again."""

import sys

from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.report import write_report

USAGE = "usage: python -m tfnas.report RUN   (RUN: a run's --out folder)"


def main(argv):
    """Write the page of the run in argv[1], the only argument."""
    if command.asks_for_help(argv):
        print(USAGE)
        return 0
    if argv[1:] and argv[1].startswith("-"):
        folder = argv[1].partition("=")[2] or "RUN"
        raise UserError(f"{argv[1]}: not a folder; write tfnas report {folder}")
    if len(argv) != 2:
        raise UserError(USAGE)
    print(write_report(argv[1]))
    return 0


if __name__ == "__main__":
    command.run(main, sys.argv)
