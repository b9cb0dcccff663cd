"""`python -m tfnas.export`: a network for servers that do not have tfnas."""

import sys

from tfnas.cli import command
from tfnas.export.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
