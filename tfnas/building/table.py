"""The zoo's results as Markdown, measured ones apart from the papers'."""

from tfnas.comparing.numbers import spread, written
from tfnas.zoo import comparisons, index
from tfnas.zoo.schema import MEASURED, PAPER, RANDOM


def printed(zoo=None):
    """All tables that the zoo has, as Markdown.

    Args:
        zoo: the zoo's folder, or None for the project's own.

    Example: `print(printed())`.
    """
    return "\n\n".join(
        [
            markdown(index.entries(zoo)),
            *(benchmarked(name, zoo) for name in comparisons.benchmarked(zoo)),
        ]
    )


def markdown(entries):
    """Two tables: what was measured here, and what the papers say.

    Args:
        entries: those of the zoo; of the papers' only those with an error on
            CIFAR-10 have a row.

    Returns:
        Markdown.

    Example: `print(markdown(zoo.entries()))`.
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
            "| measured here | found by | weights | multiply-adds | hours of "
            "training | test accuracy |",
            "|---|---|---|---|---|---|",
            *map(_measured, measured),
            "",
            "| paper | weights | multiply-adds | CIFAR-10 error in the paper, "
            "% |",
            "|---|---|---|---|",
            *map(_paper, papers),
        ]
    )


def benchmarked(name, zoo=None):
    """What NAS-Bench-201 knows of the cells of a comparison.

    Args:
        name: of a comparison that the zoo keeps.
        zoo: the zoo's folder, or None for the project's own.

    Returns:
        Markdown, a row for each method, the best first.

    Example: `print(benchmarked("nasbench201"))`.
    """
    methods = {}
    for run in comparisons.runs(name, zoo):
        methods.setdefault(run["method"], []).append(run)

    def numbers(runs, column, times=1.0):
        return [times * float(run[column]) for run in runs]

    rows = [
        _row(
            f"`{method}`",
            written(numbers(runs, "cifar10")),
            written(numbers(runs, "cifar100")),
            ", ".join(f"{int(run['rank']):,}" for run in runs),
            written(numbers(runs, "search_hours", 60), 1),
        )
        for method, runs in sorted(
            methods.items(),
            key=lambda item: -spread(numbers(item[1], "cifar10"))[0],
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


def _order(entry):
    """By data set, the random genotype after the searched ones."""
    return entry.dataset, entry.method == RANDOM, entry.name


def _measured(entry):
    found = "no search" if entry.method == RANDOM else entry.method or ""
    return _row(
        f"`{entry.name}`",
        found,
        *_size(entry),
        f"{entry.training['hours']:.2f}",
        f"{100 * entry.accuracy:.2f} % of {entry.test['images']:,} images",
    )


def _paper(entry):
    error = entry.paper["cifar10_error_percent"]
    return _row(f"`{entry.name}`", *_size(entry), error)


def _size(entry):
    millions = entry.multiply_adds / 1e6
    return f"{entry.parameters:,}", f"{millions:.1f} M"


def _row(*cells):
    return f"| {' | '.join(map(str, cells))} |"
