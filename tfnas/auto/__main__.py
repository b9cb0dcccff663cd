"""`python -m tfnas.auto`: Go from images to an exported network in a time."""

import sys

from tfnas.auto.config import main
from tfnas.cli import command

if __name__ == "__main__":
    command.run(main, sys.argv)
