"""`python -m tfnas.benchmark`: Time steps against this machine's limit."""

import sys

from tfnas.benchmark.config import main
from tfnas.cli import command

if __name__ == "__main__":
    command.run(main, sys.argv)
