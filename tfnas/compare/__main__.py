"""`python -m tfnas.compare`: Compare methods with chance and the papers."""

import sys

from tfnas.cli import command
from tfnas.compare.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
