"""The found cells, a row for each method: skips, collapse, cost."""

import functools

import numpy as np

from tfnas import spaces
from tfnas.compare.numbers import NOT_MEASURED, written
from tfnas.compare.records import by_label
from tfnas.compare.table import Table
from tfnas.report import findings

SKIPS = ("skip_connect", "skip")
# Cells drawn at random, to tell how many of them count as collapsed.
DRAWN = 4000


def skip_share(genotype):
    """The share of skips, 0 to 1, among a genotype's operations.

    It counts the normal cell, NAS-Bench-201's one cell, or a mobile network's
    layers.
    """
    return skip_count(genotype) / max(len(_counted(genotype)), 1)


def skip_count(genotype):
    """The number of skips among the same operations."""
    return sum(name in SKIPS for name in _counted(genotype))


def _counted(genotype):
    operations = findings.operations(genotype)
    kinds = ("normal", "cell", "layers")
    return next((operations[k] for k in kinds if k in operations), ())


def collapsed(found):
    """Whether a search's cell has collapsed."""
    return findings.collapsed(found.genotype)


@functools.cache
def collapses_at_random(space):
    """Whether each of `DRAWN` cells of a space, drawn uniformly, collapsed."""
    space, random = spaces.get(space), np.random.default_rng(0)
    choices = space.choices().items()
    drawn = (
        space.genotype({k: v[random.integers(len(v))] for k, v in choices})
        for _ in range(DRAWN)
    )
    return tuple(map(findings.collapsed, drawn))


def table(found):
    """A `Table` of the cells."""
    rows = []
    for label, group in by_label(found).items():
        accuracies = [each.accuracy for each in group]
        rows.append(
            (
                label,
                written([100 * skip_share(each.genotype) for each in group], 1),
                f"{sum(map(collapsed, group))} of {len(group)}",
                written(accuracies)
                if any(a is not None for a in accuracies)
                else NOT_MEASURED,
                written([each.hours for each in group]),
            )
        )
    return Table(
        "The cells that were found",
        (
            "method",
            "skip share of the normal cell, %",
            "collapsed",
            "supernet's accuracy, %",
            "search hours",
        ),
        rows,
        (
            "A cell has collapsed if at least half of its operations are "
            "skips, or none convolves. Baselines have no supernet to read.",
        ),
    )
