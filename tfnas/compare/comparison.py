"""A comparison put together: its tables, its pictures, a row for each run."""

import dataclasses

from tfnas import baseline, search, train
from tfnas.compare import (
    bench,
    cells,
    features,
    gain,
    lookup,
    plots,
    selections,
    survey,
    tried,
)
from tfnas.compare.records import by_label
from tfnas.cost import network_cost
from tfnas.report.markup import plural
from tfnas.runs.recorded import record
from tfnas.spaces.nasbench201 import CELLS, CHANNELS, to_string

# By the statistics of the batch: of the whole supernet, of the same pruned to
# its cell, of that after some steps, and of guessing.
PRUNING = {
    "whole_percent": "whole",
    "pruned_percent": "pruned",
    "tuned_percent": "tuned",
    "chance_percent": "chance",
}
_SIZE = ("channels", "cells", "parameters", "multiply_adds")
COLUMNS = (
    "name",
    "method",
    "dataset",
    "seed",
    "search_hours",
    "supernet_accuracy_percent",
    *PRUNING,
    "skip_share",
    *_SIZE,
    "hours",
    "test_images",
    "test_error_percent",
    "latency_ms",
    "arch",
    "cifar10",
    "cifar100",
    "imagenet16_120",
    "rank",
    "gap",
    "command",
)
_SEARCHES = {
    "search": search.SearchConfig,
    "baseline": baseline.BaselineConfig,
}
# The costs that errors are drawn against.
COSTS = {
    "parameters": "parameters",
    "multiply_adds": "multiply-adds",
    "latency": "latency, ms",
}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The content of a comparison.

    Attributes:
        title: one line.
        summary: the compared runs, in a sentence or two.
        sections: {heading: list of `Table`}.
        scores: {label: accuracies} of the first picture, or {}.
        judged: name of that accuracy.
        charts: list of (caption, `<svg>`) of the others.
        missing: lines on pictures that could not be drawn.
        inks: {label: Ink} of the charts.
        rows: of comparison.csv.
        tried: {setting: seeds} that were tried before.
    """

    title: str
    summary: str
    sections: dict
    scores: dict
    judged: str
    charts: list
    missing: list
    inks: dict
    rows: list
    tried: dict


def compare(found, unfinished, config, given, settings):
    """The `Comparison` of finished searches, `found`.

    `unfinished` names the other runs, `given` are the typed flags, `settings`
    were tried before. An unusable benchmark table raises `UserError`.
    """
    benched = [each for each in found if lookup.is_of(each.genotype)]
    benchmark, why = _benchmark(benched, unfinished, config)
    places = {}
    if benchmark is not None:
        places = {e.folder: benchmark.place(e.genotype) for e in benched}
    groups = by_label(found)
    sections = {
        "The survey's tables": survey.tables(found),
        "Luck or search": [gain.table(found, places), cells.table(found)],
        "Strong and weak": [features.table(found, places, given)],
    }
    if benched:
        sections["NAS-Bench-201"] = [
            *bench.tables(found, places, why),
            *selections.tables(benched, benchmark),
        ]
    sections["How the settings were chosen"] = tried.tables(settings)
    judged = gain.scores(found, places)
    name = next(iter(judged), "")
    known = judged.get(name, {})
    scores = {
        label: values
        for label, group in groups.items()
        if (values := [known[e.folder] for e in group if e.folder in known])
    }
    charts, missing = _charts(found, judged, places)
    seeds = sorted({each.seed for each in found})
    summary = (
        f"{plural(len(found), 'run')} on {found[0].dataset}: "
        f"{', '.join(groups)}; "
        f"seeds {', '.join(map(str, seeds))}."
    )
    if unfinished:
        summary += f" Not finished: {', '.join(unfinished)}."
    return Comparison(
        title=f"Search or luck: {plural(len(groups), 'method')} on "
        f"{found[0].dataset}",
        summary=summary,
        sections=sections,
        scores=scores,
        judged=f"{name}, %",
        charts=charts,
        missing=missing,
        inks=plots.inks(groups),
        rows=[row for each in found for row in _rows(each, places)],
        tried=settings,
    )


def _benchmark(benched, unfinished, config):
    """(the `Benchmark`, ""), or (None, why it was not read)."""
    if config.nasbench201_table is None:
        return (
            None,
            "Give the benchmark's accuracies: --nasbench201_table=FILE.",
        )
    if unfinished:
        return None, (
            "The table is read once, when every run has finished. Not "
            f"finished: {', '.join(unfinished)}."
        )
    if not benched:
        return None, ""
    return lookup.read(config.nasbench201_table), ""


def _charts(found, judged, places):
    """Each kind of error against each cost, and lines on missing pictures."""
    costs = {}
    for each in found:
        if each.folder in places:
            network = network_cost(
                each.genotype, channels=CHANNELS, cells=CELLS
            )
            costs["NAS-Bench-201", each.folder] = vars(network)
        if each.main:
            costs["test", each.folder] = vars(each.main)
    charts = []
    for name, known in judged.items():
        kind = "test" if name.startswith("test") else "NAS-Bench-201"
        for cost, title in COSTS.items():
            points = {
                label: [
                    (value, 100 - known[each.folder])
                    for each in group
                    if each.folder in known
                    and (value := costs[kind, each.folder].get(cost))
                ]
                for label, group in by_label(found).items()
            }
            if any(points.values()):
                what = kind if kind != "test" else found[0].dataset
                caption = f"{what}: test error against {title}"
                svg = plots.pareto(points, title, caption)
                charts.append((caption, svg))
    trained = "add --train='flags of tfnas.train'"
    missing = []
    if not charts:
        missing.append(f"Errors against costs: not measured; {trained}.")
    if not any(each.main and each.main.latency for each in found):
        missing.append(f"Latency: not measured; {trained} and --measure.")
    return charts, missing


def _rows(each, places):
    """The rows of a search and its training, then of its other trainings."""
    yield _row(each, places)
    for training in each.trained.values():
        if training is not each.main:
            yield {
                "name": training.folder.name,
                "method": each.label,
                "dataset": training.dataset,
                "seed": each.seed,
                **{name: vars(training)[name] for name in _SIZE},
                **_training(training),
                "command": record(
                    train.TrainConfig, training.typed, each.folder.name
                ),
            }


def _row(each, places):
    place = places.get(each.folder)
    row = {
        "name": each.folder.name,
        "method": each.label,
        "dataset": each.dataset,
        "seed": each.seed,
        "search_hours": round(each.hours, 3),
        "supernet_accuracy_percent": _two(each.accuracy),
        **{name: _two(each.pruning.get(of)) for name, of in PRUNING.items()},
        "skip_share": f"{cells.skip_share(each.genotype):.3f}",
        **{name: each.size[name] for name in _SIZE},
        "command": record(_SEARCHES[each.kind], each.typed),
    }
    if each.main:
        row |= _training(each.main)
    if lookup.is_of(each.genotype):
        row["arch"] = to_string(each.genotype)
    if place:
        row |= place.accuracies | {"rank": place.rank, "gap": _two(place.gap)}
    return row


def _training(training):
    return {
        "hours": round(training.hours, 3),
        "test_images": training.images,
        "test_error_percent": _two(training.error),
        "latency_ms": _two(training.latency),
    }


def _two(value):
    return "" if value is None else f"{value:.2f}"
