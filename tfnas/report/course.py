"""The course of the search: curves over the epochs, genotype changes."""

import numpy as np

from tfnas.report import (
    chance,
    colours,
    figures,
    findings,
    markup,
    stopping,
)
from tfnas.report.markup import Raw


def boundaries(run):
    """The epochs, counted over the whole run, after which a stage began."""
    stages = run.history["stage"]
    return [i + 1 for i in range(len(stages) - 1) if stages[i] != stages[i + 1]]


def curves(run):
    """Small charts: loss, accuracy, learning rate, skips, genotype, time."""
    history = run.history
    if len(history["epoch"]) == 1:
        return one_epoch(history)
    to_final = np.array(
        [findings.distance(s.genotype, run.genotype) for s in run.snapshots],
        dtype=float,
    )
    marks = boundaries(run)
    charts = (
        chart(
            "Loss",
            {
                "weights": (history["train_loss"], colours.TRAIN),
                "alphas": (history["alpha_loss"], colours.ALPHA),
                "validation": (history["valid_loss"], colours.VALID),
            },
            marks,
        ),
        chart(
            "Accuracy",
            {
                "training": (history["train_accuracy"], colours.TRAIN),
                "validation": (history["valid_accuracy"], colours.VALID),
                "derived cell": (history["proxy_accuracy"], colours.INK),
            },
            marks,
            best=stopping.best_row(run),
        ),
        chart(
            "Skips kept",
            {
                "normal cell": (history["skips_normal"], colours.NORMAL),
                "reduction cell": (history["skips_reduce"], colours.REDUCE),
            },
            marks,
            from_zero=True,
            integers=True,
        ),
        chart(
            "Differences from the final genotype",
            {"": (to_final, colours.INK)},
            marks,
            from_zero=True,
            integers=True,
        ),
        chart(
            "Learning rate of the weights",
            {"": (history["learning_rate"], colours.MUTED)},
            marks,
            from_zero=True,
        ),
        chart(
            "Largest eigenvalue of the Hessian in alpha",
            {"": (_joined(history["eigenvalue"]), colours.INK)},
            marks,
        ),
        chart(
            "Seconds per epoch",
            {"": (history["seconds"], colours.MUTED)},
            marks,
            from_zero=True,
        ),
    )
    parted = "; a vertical line separates stages" if marks else ""
    if stopping.best_row(run) is not None:
        parted += "; a dashed one marks the best derived cell"
    return Raw(
        f'<p class="note">All charts run over the epochs{parted}.</p>'
        f'<div class="charts">{"".join(charts)}</div>'
    )


def one_epoch(history):
    """The numbers of a run with one epoch, which has no course to draw."""
    shown = {
        name.replace("_", " ").capitalize(): f"{values[0]:.4g}"
        for name, values in history.items()
        if name not in ("stage", "epoch") and np.isfinite(values[0])
    }
    return Raw(f'<p class="note">One epoch.</p>{markup.facts(shown)}')


def _joined(values):
    """Values of every second epoch with straight lines between them."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return values
    places = np.arange(len(values))
    return np.interp(places, known, values[known], np.nan, np.nan)


def chart(name, series, marks=(), best=None, **style):
    """A small chart over the epochs, empty without a course.

    Args:
        name: what the chart shows.
        series: label -> (values (epochs,), ink).
        marks: epochs after which to draw a line.
        best: index of an epoch to mark by a dashed line, or None.
        **style: passed to `figures.curves`.
    """
    series = {
        label: (np.where(np.isfinite(values), values, np.nan), ink)
        for label, (values, ink) in series.items()
        if np.isfinite(values).any()
    }
    if all(len(values) < 2 for values, _ in series.values()):
        return Raw("")
    ends = ", ".join(
        f"{label or 'value'} {values[np.isfinite(values)][-1]:.4g}"
        for label, (values, _) in series.items()
    )
    where = "" if best is None else f"; best derived cell: epoch {best + 1}"
    svg = figures.curves(
        f"{name} over the epochs; at the end: {ends}{where}",
        series,
        marks,
        best=None if best is None else best + 1,
        **style,
    )
    named = {label: ink for label, (_, ink) in series.items() if label}
    return markup.figure(svg, name, markup.legend(named) if named else "")


def changes(run):
    """The epochs at which the genotype changed, the latest first."""
    found = findings.changes(run.snapshots)
    if not found:
        still = "" if chance.verdict(run) else "The genotype never changed."
        return Raw(f'<p class="note">{still}</p>' if still else "")
    many_stages = len(run.stages) > 1
    rows = [
        (
            f"{change.stage + 1}.{change.epoch}"
            if many_stages
            else change.epoch,
            ('class="words"', ", ".join(change.gone) or "–"),
            ('class="words"', ", ".join(change.come) or "–"),
        )
        for change in reversed(found)
    ]
    name = "Stage.epoch" if many_stages else "Epoch"
    head = (
        name,
        ('class="words"', "Removed"),
        ('class="words"', "Added"),
    )
    caption = f"Changes of the genotype: {len(found)}, latest first"
    details = markup.table(caption, head, rows)
    return Raw(
        f"<details><summary>{markup.plural(len(found), 'change')} of the "
        f"genotype, one by one</summary>{details}</details>"
    )
