"""`python -m tfnas.benchmark`: its flags, and the start of its work."""

import dataclasses
import json
import os
import sys
from pathlib import Path

from tfnas import methods
from tfnas.choice import check_values, choice
from tfnas.cli import command
from tfnas.errors import UserError

USAGE = """usage: python -m tfnas.benchmark [--flag=value ...]

Times steps of search, retraining and inference against this machine's own
limit: all variants in one run, in turns, each in its own process.
"""


PARTS = ("search", "retraining", "inference")
WAYS = ("fast", "plain", "baseline", "no determinism")
# Next to another method: DARTS's fast search step at the same size.
VARIANTS = (*WAYS, "darts")


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """The flags of a benchmark."""

    method: str = choice("darts", "search method")
    channels: int = choice(16, "channels of the first cell", least=1)
    cells: int = choice(8, "cells of the search and of retraining", least=3)
    operations_kept: int | None = choice(
        None,
        "candidates of an edge, which differ between edges; all by default",
        least=1,
    )
    image_size: int = choice(32, "height and width of the images", least=4)
    batch: int = choice(16, "images in a batch", least=1)
    threads: int | None = choice(
        None, "threads; by default the number of cores", least=1
    )
    parts: tuple[str, ...] = choice(PARTS, "parts to measure", PARTS)
    variants: tuple[str, ...] = choice(
        WAYS,
        "ways to compute the trained parts; darts adds DARTS's search with "
        "all its operations to another method's",
        VARIANTS,
    )
    second_order: bool = choice(False, "also measure the second-order step")
    beside: str | None = choice(
        None,
        "folder of another checkout of tfnas, whose fast variant takes turns",
    )
    rounds: int = choice(
        5, "number of measurements; their median counts", least=1
    )
    json: str | None = choice(None, "file to write the whole result to")

    @property
    def searched(self):
        """The `Method`, with its values for a CPU."""
        return methods.get(self.method).with_preset("quick")

    def __post_init__(self):
        check_values(self)
        kept = len(self.searched.candidates())
        if self.operations_kept is not None and self.operations_kept > kept:
            raise UserError(
                f"--operations_kept={self.operations_kept}: {self.method} has "
                f"{kept} candidates"
            )
        worker = "tfnas/benchmark/worker.py"
        if self.beside and not (Path(self.beside) / worker).is_file():
            raise UserError(
                f"--beside={self.beside}: there is no {worker}; give the "
                "folder of a checkout of tfnas"
            )
        if self.json and not Path(self.json).absolute().parent.is_dir():
            raise UserError(f"--json={self.json}: its folder does not exist")


def main(argv):
    """Measure with the flags in `argv` and print a table."""
    return command.answer(argv, (BenchmarkConfig,), USAGE, _measure)


def _measure(given):
    config = BenchmarkConfig(**given)
    command.refuse_unused(given, _unused(config))
    if config.threads is None:
        cores = len(os.sched_getaffinity(0))
        config = dataclasses.replace(config, threads=cores)
    # Counting a network's cost needs NumPy.
    from tfnas.benchmark import printing, run

    result = run.measure(config, _note)
    if config.json:
        text = json.dumps({"config": vars(config), **result}, indent=1)
        Path(config.json).write_text(text + "\n", encoding="utf-8")
    print(*printing.lines(result), sep="\n")


def _unused(config):
    """The rules for `command.refuse_unused`."""
    parts = set(config.parts)
    yield (
        ("method", "operations_kept", "second_order"),
        "search" not in parts,
        "--parts has no search",
    )
    yield (
        ("variants", "beside"),
        parts == {"inference"},
        "--parts=inference has its own variants",
    )
    yield (
        ("second_order",),
        not {"fast", "plain"} & set(config.variants),
        "--variants has neither fast nor plain",
    )


def _note(text):
    print(text, file=sys.stderr, flush=True)
