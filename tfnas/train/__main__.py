"""`python -m tfnas.train`: from a genotype to weights."""

import sys

from tfnas.cli import command
from tfnas.train.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
