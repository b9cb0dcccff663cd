"""`python -m tfnas.benchmark`: seconds a step, against this machine's limit."""

import dataclasses
import json
import os
import sys
from pathlib import Path

from tfnas import command
from tfnas.benchmarking import session, table
from tfnas.benchmarking.config import BenchmarkConfig

USAGE = """usage: python -m tfnas.benchmark [--flag=value ...]

Measures steps of search, retraining and inference beside this machine's own
limit: all variants in one run, in turns, each in a process of its own.
"""


def main(argv):
    """Measure what the arguments say and print a table.

    Args:
        argv: the program's name and its arguments.

    Raises:
        UserError: if an argument cannot be used.

    Example: `main(["benchmark", "--channels=4", "--cells=3"])`.
    """
    if command.asks_for_help(argv):
        print("\n".join([USAGE, *command.help_lines(BenchmarkConfig)]))
        return 0
    given = command.parse(argv, BenchmarkConfig)
    config = BenchmarkConfig(**given)
    command.refuse_unused(given, _unused(config))
    if config.threads is None:
        cores = len(os.sched_getaffinity(0))
        config = dataclasses.replace(config, threads=cores)
    result = session.measure(config, _note)
    if config.json:
        text = json.dumps({"config": vars(config), **result}, indent=1)
        Path(config.json).write_text(text + "\n", encoding="utf-8")
    print(*table.lines(result), sep="\n")
    return 0


def _unused(config):
    """What `command.refuse_unused` takes."""
    parts = set(config.parts)
    yield (
        ("method", "operations_kept", "second_order"),
        "search" not in parts,
        "--parts has no search",
    )
    yield (
        ("variants",),
        parts == {"inference"},
        "--parts=inference has its own",
    )
    yield (
        ("second_order",),
        not {"fast", "plain"} & set(config.variants),
        "--variants has neither fast nor plain",
    )


def _note(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    command.run(main, sys.argv)
