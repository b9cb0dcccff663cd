"""`python -m tfnas.demo`: Open a local page to try a network on images."""

import sys

from tfnas.cli import command
from tfnas.demo.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
