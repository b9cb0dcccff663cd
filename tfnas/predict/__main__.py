"""`python -m tfnas.predict`: what a network sees in image files."""

import sys

from tfnas.cli import command
from tfnas.predict.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
