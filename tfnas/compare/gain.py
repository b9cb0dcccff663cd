"""Luck or search: every method against random search, with a test."""

from tfnas.compare import verdicts
from tfnas.compare.numbers import NOT_MEASURED, spread, welch, written
from tfnas.compare.records import by_label
from tfnas.compare.table import Table

RANDOM = "random"


def scores(found, places):
    """The measures of cells: {name: {folder: accuracy in percent}}.

    Measures without values are left out.
    """
    dataset = found[0].dataset
    measured = {
        "NAS-Bench-201's CIFAR-10 test accuracy": {
            folder: place.accuracies["cifar10"]
            for folder, place in places.items()
        },
        f"test accuracy, {dataset}": {
            each.folder: 100 - each.main.error for each in found if each.main
        },
    }
    return {name: known for name, known in measured.items() if known}


def table(found, places):
    """A `Table` of the gain over random search."""
    groups = by_label(found)
    rows = []
    for name, known in scores(found, places).items():
        values = {
            label: [known[e.folder] for e in group if e.folder in known]
            for label, group in groups.items()
        }
        chance = values.get(RANDOM, [])
        for label, ours in values.items():
            if label != RANDOM:
                rows.append(_row(name, label, ours, chance, groups))
    if not rows:
        rows = [(NOT_MEASURED,) * 7]
    return Table(
        "Gain over random search",
        (
            "judged by",
            "method",
            "accuracy, %",
            "random's accuracy, %",
            "gain, points (95 % interval)",
            "p (Welch)",
            "search hours, method against random",
        ),
        rows,
        (
            "p: two-sided Welch t test over seeds, n as given, not corrected "
            "for the number of methods; it needs two seeds on each side. A "
            "small p says that the means differ, not that the budgets were "
            "the same: see the hours.",
        ),
    )


def written_gain(ours, theirs):
    """The gain in points with its 95 % interval, and p with both numbers.

    Without an interval p is "not measured"; without numbers both are.
    """
    if not (ours and theirs):
        return NOT_MEASURED, NOT_MEASURED
    gain, ends = verdicts.difference(ours, theirs)
    if ends is None:
        return f"{gain:+.2f}", NOT_MEASURED
    low, high = ends
    p = f"{welch(ours, theirs):.2g} (n={len(ours)}, {len(theirs)})"
    return f"{gain:+.2f} ({low:+.2f} to {high:+.2f})", p


def _row(name, label, ours, chance, groups):
    gain, p = written_gain(ours, chance)
    hours = " against ".join(
        f"{spread([each.hours for each in groups[one]])[0]:.2f}"
        if one in groups
        else NOT_MEASURED
        for one in (label, RANDOM)
    )
    return (name, label, written(ours), written(chance), gain, p, hours)
