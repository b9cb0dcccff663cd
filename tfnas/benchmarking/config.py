"""What the benchmark is asked for."""

import dataclasses
from pathlib import Path

from tfnas import methods
from tfnas.choice import choice, fields
from tfnas.errors import UserError

PARTS = ("search", "retraining", "inference")
WAYS = ("fast", "plain", "baseline", "no determinism")
# Beside another method: the fast search step of DARTS at the same size.
VARIANTS = (*WAYS, "darts")


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What is measured.

    Example: `BenchmarkConfig(channels=4, cells=3, batch=8)`.
    """

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
    rounds: int = choice(5, "measurements, of which the median counts", least=1)
    json: str | None = choice(None, "file to write all of it to")

    def __post_init__(self):
        for field in fields(self):
            value, least = getattr(self, field.name), field.metadata["least"]
            if None not in (value, least) and value < least:
                raise UserError(f"--{field.name}={value}: use {least} or more")
            if field.name in ("parts", "variants"):
                options = field.metadata["options"]
                for part in value:
                    if part not in options:
                        raise UserError(
                            f"--{field.name}={part}: choose from "
                            + ", ".join(options)
                        )
        kept = len(methods.get(self.method).candidates())
        if self.operations_kept is not None and self.operations_kept > kept:
            raise UserError(
                f"--operations_kept={self.operations_kept}: {self.method} has "
                f"{kept} candidates"
            )
        if self.json and not Path(self.json).absolute().parent.is_dir():
            raise UserError(f"--json={self.json}: its folder does not exist")
