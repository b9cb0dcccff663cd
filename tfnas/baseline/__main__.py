"""`python -m tfnas.baseline`: what a search without gradients finds."""

import sys

from tfnas.baseline.config import main
from tfnas.cli import command

if __name__ == "__main__":
    command.run(main, sys.argv)
