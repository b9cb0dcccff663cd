"""`python -m tfnas.compare`: is it the search, or luck?"""

import sys

from tfnas.cli import command
from tfnas.compare.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
