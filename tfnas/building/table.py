"""The zoo's results as Markdown, measured ones apart from the papers'."""

from tfnas.zoo.schema import MEASURED, PAPER, RANDOM


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
