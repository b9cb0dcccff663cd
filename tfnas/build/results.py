"""The zoo's results as Markdown, measured ones apart from the papers'."""

from statistics import fmean

from tfnas.compare import written, written_gain
from tfnas.zoo import comparisons, index
from tfnas.zoo.schema import MEASURED, PAPER, RANDOM


def printed(zoo=None):
    """All tables that the zoo, or the project's own, has, as Markdown."""
    tables = [markdown(index.entries(zoo))]
    for table, names in (
        (benchmarked, comparisons.benchmarked(zoo)),
        (trained, comparisons.trained(zoo)),
    ):
        for name in names:
            tables += [table(name, zoo), gained(name, zoo)]
    return "\n\n".join(filter(None, tables))


def markdown(entries):
    """Two tables in Markdown: figures measured here and the papers'.

    Of the papers' entries only those with an error on CIFAR-10 have a row.
    """
    measured = sorted(
        (entry for entry in entries if entry.kind == MEASURED), key=_order
    )
    papers = [
        entry
        for entry in entries
        if entry.kind == PAPER and "cifar10_error_percent" in entry.paper
    ]
    return "\n".join(
        [
            "| measured here | accuracy, % | test images | weights | "
            "multiply-adds | hours | found by |",
            "|---|---|---|---|---|---|---|",
            *map(_measured, measured),
            "",
            "| paper | weights | multiply-adds | CIFAR-10 error in the paper, "
            "% |",
            "|---|---|---|---|",
            *map(_paper, papers),
        ]
    )


def benchmarked(name, zoo=None):
    """NAS-Bench-201's figures for the cells of a comparison in the zoo.

    Markdown, a row for each method, the best first.
    """
    methods = _grouped(comparisons.runs(name, zoo), "method")
    rows = [
        _row(
            f"`{method}`",
            written(_numbers(runs, "cifar10")),
            written(_numbers(runs, "cifar100")),
            ", ".join(f"{int(run['rank']):,}" for run in runs),
            written(_numbers(runs, "search_hours", 60), 1),
        )
        for method, runs in sorted(
            methods.items(),
            key=lambda item: -fmean(_numbers(item[1], "cifar10")),
        )
    ]
    return "\n".join(
        [
            "| cells found by | CIFAR-10, % | CIFAR-100, % | ranks of 15,625 | "
            "minutes |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def trained(name, zoo=None):
    """Test errors of the trained cells of a comparison in the zoo.

    Markdown, a row for each method, the best first; a column for each data set,
    that of the search first. Errors have the 95 % interval of their mean.
    """
    runs = [
        run
        for run in comparisons.runs(name, zoo)
        if not run["name"].endswith("_cells")
    ]
    home, *targets = _grouped(runs, "dataset")
    rows = []
    for method, own in _grouped(runs, "method").items():
        on = _grouped(own, "dataset")
        errors = [
            _numbers(on.get(dataset, []), "test_error_percent")
            for dataset in (home, *targets)
        ]
        cells = (
            f"`{method}`",
            *(written(each, ends=True) for each in errors),
            f"{fmean(_numbers(on[home], 'parameters')):,.0f}",
            f"{fmean(_numbers(on[home], 'multiply_adds', 1e-6)):.1f} M",
            written(_numbers(on[home], "search_hours", 60), 1),
        )
        rows.append((fmean(errors[0]), _row(*cells)))
    head = _row(
        "cells found by",
        *(f"error on {dataset}, %" for dataset in (home, *targets)),
        "weights",
        "multiply-adds",
        "minutes of search",
    )
    line = "|---" * (5 + len(targets)) + "|"
    return "\n".join([head, line, *(row for _, row in sorted(rows))])


def gained(name, zoo=None):
    """What the methods of a kept comparison gained over random search.

    In NAS-Bench-201's CIFAR-10 accuracy where the comparison has it, else in
    that of the trained networks. Markdown, a row for each method, the best
    first, with the p of Welch's t test over the seeds; "" without such a test.
    """
    runs = comparisons.runs(name, zoo)
    if name in comparisons.benchmarked(zoo):
        column, sign = "cifar10", 1
    else:
        column, sign = "test_error_percent", -1
        runs = [run for run in runs if run["dataset"] == runs[0]["dataset"]]
    scores = {
        method: _numbers(own, column, sign)
        for method, own in _grouped(runs, "method").items()
    }
    chance = scores.pop(RANDOM, [])
    rows = []
    for method, ours in sorted(
        scores.items(), key=lambda item: -fmean(item[1])
    ):
        gain, p = written_gain(ours, chance)
        if "(" in gain:
            rows.append(_row(f"`{method}`", gain, p))
    if not rows:
        return ""
    head = _row(
        "cells found by",
        "gain over `random`, points (95 % interval)",
        "p (Welch)",
    )
    return "\n".join([head, "|---|---|---|", *rows])


def _grouped(runs, column):
    """{value: runs}, in the order of the values' first runs."""
    groups = {}
    for run in runs:
        groups.setdefault(run[column], []).append(run)
    return groups


def _numbers(runs, column, times=1.0):
    return [times * float(run[column]) for run in runs]


def _order(entry):
    """By data set, the random genotype after the searched ones."""
    return entry.dataset, entry.method == RANDOM, entry.name


def _measured(entry):
    found = "no search" if entry.method == RANDOM else entry.method or ""
    return _row(
        f"`{entry.name}`",
        f"{100 * entry.accuracy:.2f}",
        f"{entry.test['images']:,}",
        *_size(entry),
        f"{entry.training['hours']:.2f}",
        found,
    )


def _paper(entry):
    error = entry.paper["cifar10_error_percent"]
    return _row(f"`{entry.name}`", *_size(entry), error)


def _size(entry):
    millions = entry.multiply_adds / 1e6
    return f"{entry.parameters:,}", f"{millions:.1f} M"


def _row(*cells):
    return f"| {' | '.join(map(str, cells))} |"
