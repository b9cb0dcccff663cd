"""Luck or search: every method against random search, with a test."""

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
            "gain, points",
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


def _row(name, label, ours, chance, groups):
    gain = p = NOT_MEASURED
    if ours and chance:
        gain = f"{spread(ours)[0] - spread(chance)[0]:+.2f}"
        value = welch(ours, chance)
        if value is not None:
            p = f"{value:.2g} (n={len(ours)}, {len(chance)})"
    hours = " against ".join(
        f"{spread([each.hours for each in groups[one]])[0]:.2f}"
        if one in groups
        else NOT_MEASURED
        for one in (label, RANDOM)
    )
    return (name, label, written(ours), written(chance), gain, p, hours)
