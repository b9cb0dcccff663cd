"""`python -m tfnas.search`: from images to a genotype."""

import sys

from tfnas.cli import command
from tfnas.search.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
