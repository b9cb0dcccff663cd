"""`python -m tfnas.benchmark`: seconds a step, against this machine's limit."""

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

Measures steps of search, retraining and inference beside this machine's own
limit: all variants in one run, in turns, each in a process of its own.
"""


PARTS = ("search", "retraining", "inference")
WAYS = ("fast", "plain", "baseline", "no determinism")
# Beside another method: the fast search step of DARTS at the same size.
VARIANTS = (*WAYS, "darts")


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What is measured."""

    method: str = choice("darts", "search method")
    channels: int = choice(16, "channels of the first cell", least=1)
    cells: int = choice(8, "cells, of the search and of retraining", least=3)
    operations_kept: int | None = choice(
        None,
        "candidates of an edge, others on every edge; all by default",
        least=1,
    )
    image_size: int = choice(32, "height and width of the images", least=4)
    batch: int = choice(16, "images in a batch", least=1)
    threads: int | None = choice(
        None, "threads, the number of cores by default", least=1
    )
    parts: tuple[str, ...] = choice(PARTS, "what to measure", PARTS)
    variants: tuple[str, ...] = choice(
        WAYS,
        "ways to compute what is trained; darts is the search of DARTS with "
        "all its operations, beside another one",
        VARIANTS,
    )
    second_order: bool = choice(False, "measure the second-order step too")
    beside: str | None = choice(
        None, "another checkout of tfnas, whose fast variant takes turns"
    )
    rounds: int = choice(5, "measurements, of which the median counts", least=1)
    json: str | None = choice(None, "file to write all of it to")

    def __post_init__(self):
        check_values(self)
        kept = len(methods.get(self.method).candidates())
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
    """Measure what the arguments say and print a table."""
    return command.answer(argv, (BenchmarkConfig,), USAGE, _measure)


def _measure(given):
    config = BenchmarkConfig(**given)
    command.refuse_unused(given, _unused(config))
    if config.threads is None:
        cores = len(os.sched_getaffinity(0))
        config = dataclasses.replace(config, threads=cores)
    # Counting the costs of networks takes NumPy.
    from tfnas.benchmark import printing, run

    result = run.measure(config, _note)
    if config.json:
        text = json.dumps({"config": vars(config), **result}, indent=1)
        Path(config.json).write_text(text + "\n", encoding="utf-8")
    print(*printing.lines(result), sep="\n")


def _unused(config):
    """What `command.refuse_unused` takes."""
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
