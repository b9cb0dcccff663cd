"""Pictures of a comparison: each seed's accuracy, and errors against costs."""

import textwrap

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfnas.report import colours, markup
from tfnas.report.figures import STYLE, inline_svg

INKS = (
    colours.TRAIN,
    colours.OPERATIONS["max_pool_3x3"],
    colours.VALID,
    colours.OPERATIONS["dil_conv_3x3"],
    colours.OTHER,
    colours.ALPHA,
    colours.OPERATIONS["sep_conv_7x7"],
    colours.OPERATIONS["mb_3x3_e6"],
    colours.MUTED,
)
WIDEST = 33  # characters of a label


def inks(labels):
    """{label: Ink}; the tenth method shares the first one's."""
    return {
        label: INKS[number % len(INKS)] for number, label in enumerate(labels)
    }


def front(points):
    """The (cost, error) pairs that no other beats in both, cheapest first.

    Less is better.
    """
    best, kept = np.inf, []
    for cost, error in sorted(points):
        if error < best:
            best = error
            kept.append((cost, error))
    return kept


def pareto(points, cost, label):
    """Errors against a cost, with the front as a line: an `<svg>` element.

    The points are {label: list of (cost, error)}; `label` describes the picture
    to those who cannot see it.
    """
    every = [point for group in points.values() for point in group]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.8, 3.0))
        axes = figure.add_axes((0.14, 0.18, 0.83, 0.78))
        edge = front(every)
        axes.plot(*zip(*edge, strict=True), color=colours.MUTED.light, lw=0.8)
        for method, ink in inks(points).items():
            for x, y in points[method]:
                _dot(axes, x, y, ink)
        axes.margins(0.08)
        axes.set_xlabel(cost)
        axes.set_ylabel("test error, %")
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda x, _: _short(x))
        return inline_svg(
            figure,
            f"{label}; on the front: "
            + ", ".join(f"{_short(x)}: {y:.2f}" for x, y in edge),
        )


def each_seed(scores, name):
    """An `<svg>` of every seed's accuracy in percent, a row for each method."""
    with matplotlib.rc_context(STYLE):
        means = ", ".join(
            f"{label} {np.mean(values):.2f}" for label, values in scores.items()
        )
        return inline_svg(
            _rows(scores, name, markers=False), f"{name}; means: {means}"
        )


def picture(scores, name, path):
    """The same as a PNG file on white paper."""
    with matplotlib.rc_context({**STYLE, "figure.facecolor": "white"}):
        figure = _rows(scores, name, markers=True)
        FigureCanvasAgg(figure)
        figure.savefig(path, format="png", dpi=160)


def _short(x):
    return markup.count(x) if x >= 1000 else f"{x:.3g}"


def _wrapped(label):
    """A label, broken into lines that fit half a picture."""
    lines = textwrap.wrap(
        label.replace("+", " +"),
        WIDEST,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace(" +", "+")


def _rows(scores, name, markers):
    names = [_wrapped(label) for label in scores]
    lines = [name.split("\n") for name in names]
    inches = np.maximum(0.4, [0.2 * len(name) for name in lines])
    rows = np.cumsum(inches) - inches / 2
    height = 0.75 + inches.sum()
    figure = Figure(figsize=(7.2, height))
    longest = max(len(line) for name in lines for line in name)
    left = min(0.5, 0.05 + 0.0135 * longest)
    axes = figure.add_axes(
        (left, 0.55 / height, 0.97 - left, 1 - 0.65 / height)
    )
    for row, (label, ink) in zip(rows, inks(scores).items(), strict=True):
        for value in scores[label]:
            _dot(axes, value, row, ink, markers)
        mean = np.mean(scores[label])
        axes.plot([mean, mean], [row - 0.12, row + 0.12], color=ink.light)
    axes.set_yticks(rows, names)
    axes.set_ylim(inches.sum(), 0)
    axes.margins(x=0.05)
    axes.set_xlabel(name)
    return figure


def _dot(axes, x, y, ink, markers=False):
    if markers:
        axes.plot([x], [y], "o", color=ink.light, markersize=6)
        return
    # A line without length and with a round end: a marker would be a reference
    # by an id, which must be unique in a page.
    axes.plot([x, x], [y, y], color=ink.light, linewidth=6)
