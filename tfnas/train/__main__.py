"""`python -m tfnas.train`: Train a genotype's network on a data set."""

import sys

from tfnas.cli import command
from tfnas.train.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
