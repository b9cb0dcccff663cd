"""`python -m tfnas.sweep`: Search with several methods, data sets and seeds."""

import sys

from tfnas.cli import command
from tfnas.sweep.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
