"""`python -m tfnas.predict`: Classify image files with a network."""

import sys

from tfnas.cli import command
from tfnas.predict.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
