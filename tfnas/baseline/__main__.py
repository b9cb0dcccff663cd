"""`python -m tfnas.baseline`: Search for a cell without gradients."""

import sys

from tfnas.baseline.config import main
from tfnas.cli import command

if __name__ == "__main__":
    command.run(main, sys.argv)
