"""`python -m tfnas.build`: entries of the zoo, made, remade and checked."""

import sys

from tfnas.build.config import main
from tfnas.cli import command

if __name__ == "__main__":
    command.run(main, sys.argv)
