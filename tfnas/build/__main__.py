"""`python -m tfnas.build`: Make, remake and check entries of the zoo."""

import sys

from tfnas.build.config import main
from tfnas.cli import command

if __name__ == "__main__":
    command.run(main, sys.argv)
