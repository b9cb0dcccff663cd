"""`python -m tfnas.search`: Search for an architecture on a data set."""

import sys

from tfnas.cli import command
from tfnas.search.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
