"""`python -m tfnas.sweep`: methods x data sets x seeds, on any engine."""

import sys

from tfnas.cli import command
from tfnas.sweep.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
