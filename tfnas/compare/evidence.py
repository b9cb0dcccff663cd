"""Numbers on the survey's claims, from the finished runs.

Each function takes `Runs` and returns (the number, its verdict on the claim),
or None if the runs that it needs are missing. `features` has the claims.
"""

import dataclasses
import itertools
import json

from tfnas.compare.cells import SKIPS
from tfnas.compare.decisions import kept_by_threshold, margins
from tfnas.compare.numbers import rank_correlation, spread, welch, written
from tfnas.compare.records import by_label
from tfnas.report import findings

SUPPORTS, CONTRADICTS, UNDECIDED = "supports", "contradicts", "undecided"


@dataclasses.dataclass(frozen=True)
class Runs:
    """The runs behind the features.

    Attributes:
        found: list of `records.Found`.
        places: {folder: `lookup.Place`}.
    """

    found: list
    places: dict

    def accuracies(self, *groups):
        """The common measure of all of these searches, group by group.

        (its name, lists of percents): the test accuracy if all were trained,
        else the benchmark's, else the supernet's; None if no measure has all.
        """
        judges = {
            "test accuracy": lambda one: one.main and 100 - one.main.error,
            "NAS-Bench-201's accuracy": self._benchmark,
            "the supernet's accuracy": lambda one: one.accuracy,
        }
        for name, judge in judges.items():
            values = [[judge(one) for one in group] for group in groups]
            if all(v is not None for group in values for v in group):
                return name, values
        return None

    def _benchmark(self, one):
        place = self.places.get(one.folder)
        return place and place.accuracies["cifar10"]

    def variants(self, name):
        """Searches that differ in one value: {value: list of `Found`}.

        Of several such families, the one with the most searches.
        """
        families = {}
        for one in self.found:
            if name in one.values and one.accuracy is not None:
                others = {k: v for k, v in one.values.items() if k != name}
                key = json.dumps([one.method, others], sort_keys=True)
                value = one.values[name]
                value = tuple(value) if isinstance(value, list) else value
                families.setdefault(key, {}).setdefault(value, []).append(one)
        several = [family for family in families.values() if len(family) > 1]
        if not several:
            return {}
        largest = max(several, key=lambda f: sum(map(len, f.values())))
        return dict(sorted(largest.items()))


def depth_gap(runs):
    """Rank correlation of the accuracies of cells at two depths."""
    pairs = {}
    for one in runs.found:
        depths = {
            t.cells: 100 - t.error
            for t in one.trained.values()
            if t.dataset == one.dataset
        }
        for few in depths:
            for many in depths:
                if few < many:
                    pair = depths[few], depths[many]
                    pairs.setdefault((few, many), []).append(pair)
    if not pairs:
        return None
    (few, many), values = max(
        pairs.items(), key=lambda item: (len(item[1]), item[0][1] - item[0][0])
    )
    result = rank_correlation(*zip(*values, strict=True))
    if result is None:
        return None
    rho, p = result
    said = SUPPORTS if rho < 0.5 else CONTRADICTS
    return (
        f"rho = {rho:.2f} between {few} and {many} cells, p = {p:.2g} "
        f"(n={len(values)} cells)",
        said if p < 0.05 or rho < 0 else UNDECIDED,
    )


def discretisation_gap(runs):
    """The supernet's accuracy minus that after its cell was derived."""
    gaps = {}
    for one in runs.found:
        if one.pruned is not None and one.accuracy is not None:
            gaps.setdefault(one.label, []).append(one.accuracy - one.pruned)
    if not gaps:
        return None
    shown = "; ".join(f"{k}: {written(v)}" for k, v in gaps.items())
    every = [gap for values in gaps.values() for gap in values]
    said = SUPPORTS if min(every) > 0 else UNDECIDED
    return shown, CONTRADICTS if max(every) <= 0 else said


def skip_collapse(runs):
    """Skips of the normal cell, method by method."""
    groups = {
        label: [_skips(one) for one in group]
        for label, group in by_label(runs.found).items()
        if group[0].method == "darts"
    }
    if not groups:
        return None
    collapsed = [
        findings.collapsed(one.genotype)
        for one in runs.found
        if one.method == "darts"
    ]
    shown = "; ".join(f"{k}: {written(v, 1)}" for k, v in groups.items())
    return (
        f"skips {shown}; collapsed {sum(collapsed)} of {len(collapsed)}",
        SUPPORTS if any(collapsed) else _unless_few(collapsed),
    )


def inner_steps(runs):
    """Accuracy for 1, 2, 4 weight steps for each alpha step."""
    return _by_value(runs, "inner_steps", more_is_better=True)


def second_order(runs):
    """Accuracy and hours of both orders of the gradient in alpha."""
    return _by_value(runs, "order", more_is_better=True)


def skips_and_dropout(runs):
    """Skips of the normal cell against the dropout on skips."""
    family = runs.variants("skip_dropout")
    if not family:
        return None
    points = [
        (rates[-1], _skips(one))
        for rates, group in family.items()
        for one in group
    ]
    shown = "; ".join(
        f"{':'.join(map(str, rates))}: "
        f"{written([_skips(one) for one in group], 1)} skips"
        for rates, group in family.items()
    )
    result = rank_correlation(*zip(*points, strict=True))
    if result is None:
        return shown, UNDECIDED
    rho, p = result
    said = SUPPORTS if rho < 0 else CONTRADICTS
    return f"{shown}; rho = {rho:.2f}, p = {p:.2g}", (
        said if p < 0.05 else UNDECIDED
    )


def progressive(runs):
    """P-DARTS against DARTS: hours and accuracy."""
    return _against(runs, "pdarts", "darts", slower=False)


def attention(runs):
    """Att-DARTS against DARTS: hours and accuracy."""
    return _against(runs, "att_darts", "darts", slower=True)


def operations_and_threshold(runs):
    """Operations that Fair DARTS's rule keeps, threshold by threshold."""
    kept = [
        counts
        for one in runs.found
        if (counts := kept_by_threshold(one)) is not None
    ]
    if not kept:
        return None
    means = {t: spread([c[t] for c in kept])[0] for t in kept[0]}
    shown = ", ".join(f"{mean:.1f} at {t}" for t, mean in means.items())
    counts = list(means.values())
    steep = any(
        after <= before / 2
        for before, after in itertools.pairwise(counts)
        if before
    )
    said = SUPPORTS if steep else CONTRADICTS
    return f"{shown} operations (n={len(kept)})", said


def decided(runs):
    """Leads of the best operation: sigmoids against softmax."""
    leads = {"sigmoid": [], "softmax": []}
    for one in runs.found:
        lead = margins(one)
        if lead is not None:
            leads[one.values["relaxation"]].append(lead)
    if not all(leads.values()):
        return None
    p = welch(leads["sigmoid"], leads["softmax"])
    more = spread(leads["sigmoid"])[0] > spread(leads["softmax"])[0]
    said = SUPPORTS if more else CONTRADICTS
    return (
        "mean lead "
        + "; ".join(f"{k}: {written(v)}" for k, v in leads.items()),
        said if p is not None and p < 0.05 else UNDECIDED,
    )


def _unless_few(values):
    """The verdict if nothing was seen: two seeds show little."""
    return CONTRADICTS if len(values) > 2 else UNDECIDED


def _skips(one):
    operations = findings.operations(one.genotype)
    names = operations.get("normal", operations.get("cell", ()))
    return sum(name in SKIPS for name in names)


def _by_value(runs, name, more_is_better):
    family = runs.variants(name)
    judged = family and runs.accuracies(*family.values())
    if not judged:
        return None
    by, accuracies = judged
    shown = "; ".join(
        f"{value}: {written(values)} in "
        f"{spread([one.hours for one in group])[0]:.2f} h"
        for (value, group), values in zip(
            family.items(), accuracies, strict=True
        )
    )
    p = welch(accuracies[-1], accuracies[0])
    better = spread(accuracies[-1])[0] > spread(accuracies[0])[0]
    said = SUPPORTS if better == more_is_better else CONTRADICTS
    return f"{by}, {shown}", said if p is not None and p < 0.05 else UNDECIDED


def _against(runs, ours, theirs, slower):
    groups = by_label(runs.found)
    if ours not in groups or theirs not in groups:
        return None
    sides = groups[ours], groups[theirs]
    hours = [[one.hours for one in side] for side in sides]
    times = spread(hours[0])[0] / max(spread(hours[1])[0], 1e-9)
    shown = f"{times:.2f} times {theirs}'s hours"
    judged = runs.accuracies(*sides)
    if judged is None:
        return shown, UNDECIDED
    by, accuracies = judged
    gain = spread(accuracies[0])[0] - spread(accuracies[1])[0]
    p = welch(*accuracies)
    shown += f"; {by} {gain:+.2f} points"
    if p is None or p >= 0.05:
        time = "time: " + (SUPPORTS if (times > 1) == slower else CONTRADICTS)
        shown += "" if p is None else f" (p = {p:.2g})"
        return shown, f"{time}; gain: {UNDECIDED}"
    good = gain > 0 and (times > 1) == slower
    return f"{shown} (p = {p:.2g})", SUPPORTS if good else CONTRADICTS
