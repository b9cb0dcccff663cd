"""The found cells, a row for each method: skips, collapse, cost."""

from tfnas.compare.numbers import NOT_MEASURED, written
from tfnas.compare.records import by_label
from tfnas.compare.table import Table
from tfnas.report import findings

SKIPS = ("skip_connect", "skip")


def skip_share(genotype):
    """The share of skips, 0 to 1, among a genotype's operations.

    It counts the normal cell, NAS-Bench-201's one cell, or a mobile network's
    layers.
    """
    operations = findings.operations(genotype)
    for kind in ("normal", "cell", "layers"):
        if kind in operations:
            names = operations[kind]
            return sum(name in SKIPS for name in names) / max(len(names), 1)
    return 0.0


def table(found):
    """A `Table` of the cells."""
    rows = []
    for label, group in by_label(found).items():
        collapsed = sum(findings.collapsed(each.genotype) for each in group)
        accuracies = [each.accuracy for each in group]
        rows.append(
            (
                label,
                written([100 * skip_share(each.genotype) for each in group], 1),
                f"{collapsed} of {len(group)}",
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
