"""`python -m tfnas.demo`: a local page to try a network on one's own images."""

import sys

from tfnas.cli import command
from tfnas.demo.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
