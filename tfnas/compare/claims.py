"""The survey's claims: what each one measures, and its effect.

Each function takes `Runs` and returns its `Evidence`, or None if the runs that
it needs are missing. A direction is the claim's, never the runs'. `features`
has the claims in words.
"""

import functools

import numpy as np

from tfnas.compare.cells import collapsed, collapses_at_random, skip_count
from tfnas.compare.decisions import kept_by_threshold, lead
from tfnas.compare.evidence import Evidence, is_plain
from tfnas.compare.numbers import spread, written
from tfnas.compare.records import by_label
from tfnas.compare.verdicts import (
    LESS,
    MORE,
    below_one,
    difference,
    judge,
    mean,
    proportions,
    ratio,
)

# Networks that are trained once each do not rank the same cells alike twice:
# this far below 1 is no gap.
AGREEMENT = 0.1
# Two thresholds around Fair DARTS's 0.85, and the operations that a choice
# between them may cost: one.
THRESHOLDS = (0.8, 0.9)
ONE_OPERATION = 1.0
# What must be equal for leads of alpha to be compared.
RATES = ("alpha_learning_rate", "batch_size", "epochs")


# === DARTS ===


def depth_gap(runs):
    """How far the rank correlation of two depths lies below 1."""
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
    verdict = judge(below_one, values, direction=MORE, none=AGREEMENT)
    if np.isnan(verdict.effect):
        return None
    return Evidence(
        f"rank correlation {1 - verdict.effect:.2f} between {few} and {many} "
        "cells",
        verdict,
        "below 1",
        sign="",
    )


def discretisation_gap(runs):
    """The supernet's accuracy minus that of the same, pruned to its cell."""
    return _gap(runs, "pruned")


def tuned_gap(runs):
    """The same after some steps of the pruned supernet's weights."""
    return _gap(runs, "tuned")


def _gap(runs, after):
    groups = by_label([one for one in runs.found if one.pruning])
    plain = [group for group in groups.values() if is_plain(group[0])]
    if not plain:
        return None
    shown = "; ".join(
        f"{label}: {_mean_of(group, 'whole')} to {_mean_of(group, after)}, "
        f"chance {_mean_of(group, 'chance')}"
        for label, group in groups.items()
    )
    gaps = [gap(one, after) for one in max(plain, key=len)]
    return Evidence(shown, judge(mean, gaps, direction=MORE))


def gap(one, after="pruned"):
    """Points that a search's supernet loses when it is pruned to its cell."""
    return one.pruning["whole"] - one.pruning[after]


def _mean_of(group, name):
    return f"{spread([one.pruning[name] for one in group])[0]:.1f} %"


def skip_collapse(runs):
    """Plain DARTS's collapsed cells against cells drawn at random."""
    ours = runs.group("darts")
    if not ours or not is_plain(ours[0]):
        return None
    drawn = collapses_at_random(ours[0].values["space"])
    shown = "; ".join(
        f"{label} {sum(map(collapsed, group))} of {len(group)}"
        for label, group in by_label(runs.found).items()
    )
    verdict = judge(proportions, [*map(collapsed, ours)], drawn, direction=MORE)
    rate = sum(drawn) / len(drawn)
    return Evidence(
        f"collapsed: {shown}; {100 * rate:.1f} % of cells drawn at random",
        verdict,
        "of the cells",
    )


def second_order(runs):
    """Accuracy of cells that both orders of alpha's gradient find."""
    return _by_value(runs, "order", _accuracies, difference, MORE)


def second_order_time(runs):
    """Hours of both orders."""
    return _by_value(runs, "order", _hours, ratio, MORE)


def inner_steps(runs):
    """Accuracy for more or fewer weight steps for each alpha step."""
    judged = functools.partial(_accuracies, supernet=True)
    return _by_value(runs, "inner_steps", judged, difference, MORE)


# === P-DARTS ===


def stages_time(runs):
    """P-DARTS's hours against DARTS's."""
    return _against(runs, "pdarts", "darts", _hours, ratio, LESS)


def stages_gain(runs):
    """Accuracy of P-DARTS's cells against DARTS's."""
    return _against(runs, "pdarts", "darts", _accuracies, difference, MORE)


def approximation(runs):
    """Hours of stages that drop candidates against those that keep all."""
    return _by_value(runs, "operations_kept", _hours, ratio, MORE)


def skips_and_dropout(runs):
    """Skips of the normal cell against the dropout on skips."""
    return _by_value(runs, "skip_dropout", _skips, difference, LESS)


# === Fair DARTS ===


def decided(runs):
    """Leads of the best operation in alpha: sigmoids against softmax."""
    theirs = runs.group("darts")
    fair = by_label([one for one in runs.found if one.method == "fair_darts"])
    equal = [
        group for group in fair.values() if theirs and _equal(group, theirs)
    ]
    if not equal:
        return None
    sides = [[*map(lead, group)] for group in (max(equal, key=len), theirs)]
    if any(value is None for side in sides for value in side):
        return None
    shown = "; ".join(
        f"{name} {written(side, 3)}"
        for name, side in zip(("sigmoid", "softmax"), sides, strict=True)
    )
    verdict = judge(difference, *sides, direction=MORE)
    return Evidence(f"mean lead in alpha: {shown}", verdict, "in alpha")


def _equal(*groups):
    """Whether groups moved alpha at equal rates, equally often."""
    first, second = ([g[0].values[name] for name in RATES] for g in groups)
    return first == second


def zero_one_loss(runs):
    """The discretisation gap with the zero-one loss and without it."""
    return _by_value(runs, "zero_one_weight", _gaps, difference, LESS)


def operations_and_threshold(runs):
    """Operations that Fair DARTS's rule loses between two thresholds."""
    kept = [
        counts
        for one in runs.group("fair_darts")
        if (counts := kept_by_threshold(one)) is not None
    ]
    if not kept:
        return None
    low, high = THRESHOLDS
    means = {t: spread([c[t] for c in kept])[0] for t in kept[0]}
    shown = ", ".join(f"{value:.1f} at {t}" for t, value in means.items())
    verdict = judge(
        mean,
        [counts[low] - counts[high] for counts in kept],
        direction=MORE,
        none=ONE_OPERATION,
    )
    unit = f"operations between {low} and {high}"
    return Evidence(f"kept: {shown}", verdict, unit, sign="")


# === Att-DARTS ===


def attention_time(runs):
    """Att-DARTS's hours against DARTS's."""
    return _against(runs, "att_darts", "darts", _hours, ratio, MORE)


def attention_gain(runs):
    """Accuracy of Att-DARTS's cells against DARTS's."""
    return _against(runs, "att_darts", "darts", _accuracies, difference, MORE)


def attention_weights(runs):
    """Parameters of the networks of Att-DARTS's cells against DARTS's."""
    return _against(runs, "att_darts", "darts", _parameters, ratio, LESS)


# === What is measured of groups of runs: its name, its unit, the values ===


def _accuracies(runs, groups, supernet=False):
    judged = runs.accuracies(*groups, supernet=supernet)
    return judged and (judged[0], "points", judged[1])


def _hours(runs, groups):
    return "hours", "", [[one.hours for one in group] for group in groups]


def _parameters(runs, groups):
    values = [[one.size["parameters"] / 1e3 for one in g] for g in groups]
    return "thousand parameters", "", values


def _skips(runs, groups):
    values = [[skip_count(one.genotype) for one in g] for g in groups]
    return "skips", "skips", values


def _gaps(runs, groups):
    if not all(one.pruning for group in groups for one in group):
        return None
    return "gap", "points", [[gap(one) for one in group] for group in groups]


# === Which groups are compared ===


def _by_value(runs, name, *how):
    """The largest value's searches against the smallest value's."""
    family = runs.variants(name)
    groups = {_shown(value): group for value, group in family.items()}
    return _last_against_first(runs, groups, *how) if family else None


def _against(runs, ours, theirs, *how):
    """A method's searches against another's."""
    sides = runs.group(theirs), runs.group(ours)
    if not all(sides):
        return None
    groups = {side[0].label: side for side in sides}
    return _last_against_first(runs, groups, *how)


def _last_against_first(runs, groups, measure, interval, direction):
    found = measure(runs, [*groups.values()])
    if found is None:
        return None
    name, unit, values = found
    shown = "; ".join(
        f"{key} {written(side)}" + ("" if name == "hours" else _took(group))
        for (key, group), side in zip(groups.items(), values, strict=True)
    )
    verdict = judge(interval, values[-1], values[0], direction=direction)
    if interval is ratio:
        return Evidence(f"{name}: {shown}", verdict, "times", sign="")
    return Evidence(f"{name}: {shown}", verdict, unit)


def _took(group):
    return f" in {spread([one.hours for one in group])[0]:.2f} h"


def _shown(value):
    return ":".join(map(str, value)) if isinstance(value, tuple) else value
