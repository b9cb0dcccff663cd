"""`python -m tfnas.convert`: Convert PyTorch weights to Keras and back."""

import sys

from tfnas.cli import command
from tfnas.convert.config import main

if __name__ == "__main__":
    command.run(main, sys.argv)
