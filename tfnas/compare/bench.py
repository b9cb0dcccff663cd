"""The tables of NAS-Bench-201's figures for the found cells."""

from tfnas.compare import paper
from tfnas.compare.lookup import DATASETS
from tfnas.compare.numbers import NONE, NOT_MEASURED, spread, written
from tfnas.compare.records import by_label
from tfnas.compare.table import Table


def tables(found, places, why):
    """The benchmark's figures, by method and by run: a list of `Table`.

    `why` says why nothing was looked up, or is "".
    """
    if why:
        return [
            Table("NAS-Bench-201", ("looked up",), [(NOT_MEASURED,)], (why,))
        ]
    groups = by_label([each for each in found if each.folder in places])
    rows = []
    for label in dict.fromkeys([*paper.NASBENCH201, *groups]):
        known = [places[each.folder] for each in groups.get(label, [])]
        published = paper.NASBENCH201.get(label)
        row = [label]
        for number, dataset in enumerate(DATASETS):
            row.append(f"{published[number]:.2f}" if published else NONE)
            row.append(written([p.accuracies[dataset] for p in known]))
        ranks = sorted(place.rank for place in known)
        row.append(", ".join(f"{r:,}" for r in ranks) or NOT_MEASURED)
        gaps = [place.gap for place in known]
        row.append(f"{spread(gaps)[0]:.2f}" if gaps else NOT_MEASURED)
        rows.append(tuple(row))
    of = next(iter(places.values())).of
    head = ["method"]
    for dataset in DATASETS:
        head += [f"{dataset} %, paper", f"{dataset} %, found here"]
    head += [f"ranks among {of:,}", "mean gap to the best, points"]
    each_run = [
        (
            each.label,
            each.seed,
            places[each.folder].arch,
            *(f"{v:.2f}" for v in places[each.folder].accuracies.values()),
            f"{places[each.folder].rank:,}",
            f"{places[each.folder].gap:.2f}",
        )
        for each in found
        if each.folder in places
    ]
    return [
        Table(
            "NAS-Bench-201: test accuracy of the cells that were found",
            tuple(head),
            rows,
            (
                "Accuracies are the benchmark's, of networks that its authors "
                "trained; rank and gap are of CIFAR-10. The table was read "
                "after every run had finished.",
            ),
        ),
        Table(
            "NAS-Bench-201: every run",
            ("method", "seed", "cell", *(f"{d} %" for d in DATASETS))
            + ("rank", "gap to the best, points"),
            each_run,
        ),
    ]
