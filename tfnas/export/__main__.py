"""`python -m tfnas.export`: Export a network for servers without tfnas."""

import sys

from tfnas.cli import command
from tfnas.export.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
