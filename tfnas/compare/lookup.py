"""NAS-Bench-201's published accuracies: read, never shipped."""

import bisect
import csv
import dataclasses
import importlib.util
import math
from pathlib import Path

from tfnas.errors import UserError
from tfnas.spaces.nasbench201 import to_string

COLUMNS = ("arch", "cifar10", "cifar100", "imagenet16_120")
DATASETS = COLUMNS[1:]
CELLS = 15625
_NATS = {
    "cifar10": "cifar10",
    "cifar100": "cifar100",
    "imagenet16_120": "ImageNet16-120",
}


@dataclasses.dataclass(frozen=True)
class Place:
    """The benchmark's figures for a cell.

    Attributes:
        arch: the cell in the benchmark's form.
        accuracies: {data set: test accuracy in percent}.
        rank: of its CIFAR-10 accuracy; 1 is the best, equal ones share it.
        of: cells in the table.
        gap: to the best CIFAR-10 accuracy, in points.
    """

    arch: str
    accuracies: dict
    rank: int
    of: int
    gap: float


class Benchmark:
    """The whole table; `name` is its file's, for messages.

    Rows are {arch: (CIFAR-10, CIFAR-100, ImageNet16-120)} in percent.
    """

    def __init__(self, rows, name="table"):
        self.rows, self.name = rows, name
        self._ascending = sorted(values[0] for values in rows.values())

    def place(self, genotype):
        """The `Place` of a genotype, or `UserError` if the table lacks it."""
        arch = to_string(genotype)
        if arch not in self.rows:
            raise UserError(
                f"--nasbench201_table={self.name}: has no row {arch}; give "
                f"the whole table of {CELLS} cells"
            )
        values = self.rows[arch]
        better = len(self.rows) - bisect.bisect_right(
            self._ascending, values[0]
        )
        return Place(
            arch,
            dict(zip(DATASETS, values, strict=True)),
            better + 1,
            len(self.rows),
            self._ascending[-1] - values[0],
        )


def check(path):
    """Refuse a table that cannot be read, before anything runs.

    A missing file, other columns, or official files without nats_bench raise
    `UserError`. Of a CSV only the column names are read.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(
            f"--nasbench201_table={path}: no such file; give the CSV or the "
            "official files of NATS-Bench"
        )
    if _is_csv(path):
        with _text(path) as file:
            _header(path, csv.reader(file))
    elif importlib.util.find_spec("nats_bench") is None:
        raise UserError(
            f"--nasbench201_table={path}: not a .csv, and the official files "
            "need nats_bench, which is not installed; pip install nats_bench"
        )


def is_of(genotype):
    """Whether the benchmark has a genotype's space."""
    return genotype.space == "nasbench201"


def read(path):
    """The `Benchmark` of a file, read whole; a wrong row raises `UserError`."""
    check(path)
    path = Path(path)
    rows = _read_csv(path) if _is_csv(path) else _read_official(path)
    if not rows:
        raise UserError(f"--nasbench201_table={path}: has no rows")
    return Benchmark(rows, str(path))


def _is_csv(path):
    return path.is_file() and path.suffix == ".csv"


def _text(path):
    try:
        return open(path, newline="", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"--nasbench201_table={path}: {error.strerror}"
        ) from None


def _header(path, reader):
    """The places of the needed columns."""
    try:
        head = next(reader, [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"--nasbench201_table={path}: not CSV ({error})"
        ) from None
    missing = [name for name in COLUMNS if name not in head]
    if missing:
        raise UserError(
            f"--nasbench201_table={path}: column {missing[0]} is missing; it "
            f"needs {', '.join(COLUMNS)}"
        )
    return [head.index(name) for name in COLUMNS]


def _read_csv(path):
    rows = {}
    with _text(path) as file:
        reader = csv.reader(file)
        columns = _header(path, reader)
        for row in filter(None, reader):
            where = f"--nasbench201_table={path}: line {reader.line_num}"
            try:
                arch, *values = (row[column] for column in columns)
                values = tuple(map(float, values))
            except (IndexError, ValueError):
                raise UserError(
                    f"{where}: needs a cell and three accuracies in percent"
                ) from None
            if not all(math.isfinite(v) and 0 <= v <= 100 for v in values):
                raise UserError(f"{where}: accuracies are 0 to 100 percent")
            if arch in rows:
                raise UserError(f"{where}: {arch} is listed twice; keep one")
            rows[arch] = values
    return rows


def _read_official(path):
    """From NATS-Bench's files, through its own package."""
    import nats_bench

    api = nats_bench.create(
        str(path), "tss", fast_mode=path.is_dir(), verbose=False
    )
    return {
        api.arch(number): tuple(
            float(
                api.get_more_info(number, name, hp="200", is_random=False)[
                    "test-accuracy"
                ]
            )
            for name in (_NATS[dataset] for dataset in DATASETS)
        )
        for number in range(len(api))
    }
