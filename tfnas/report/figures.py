"""The figures of a run's page, drawn by matplotlib as inline SVG.

They are drawn in the colours for light paper; the CSS variable of the same ink
then replaces each colour, so that the figures follow the page's theme.
"""

import html
import io
import re

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tfnas.report import colours

# Settings of every figure, for `matplotlib.rc_context`.
STYLE = {
    "svg.fonttype": "none",
    "font.size": 11,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.spines.left": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": colours.RULE.light,
    "axes.linewidth": 0.8,
    "axes.labelcolor": colours.MUTED.light,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": colours.RULE.light,
    "grid.linewidth": 0.5,
    "xtick.color": colours.RULE.light,
    "xtick.labelcolor": colours.MUTED.light,
    "ytick.color": colours.RULE.light,
    "ytick.labelcolor": colours.MUTED.light,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
}


def curves(
    label, series, boundaries=(), *, best=None, from_zero=False, integers=False
):
    """Values over the epochs.

    Args:
        label: what the figure shows, for those who cannot see it.
        series: name -> (values (epochs,), ink); NaN leaves a gap.
        boundaries: epochs after which a new stage began.
        best: an epoch that a dashed line marks, or None.
        from_zero: whether the vertical axis starts at 0.
        integers: whether the values are counts.

    Returns:
        An `<svg>` element.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.8, 2.7))
        axes = figure.add_axes((0.12, 0.13, 0.86, 0.83))
        for values, ink in series.values():
            epochs = np.arange(1, len(values) + 1)
            step = "steps-mid" if integers else "default"
            _line(axes, epochs, values, ink, drawstyle=step)
        _mark_stages(axes, [epoch + 0.5 for epoch in boundaries])
        if best is not None:
            ink, dash = colours.INK.light, (0, (2, 2))
            axes.axvline(best, color=ink, linewidth=0.8, linestyle=dash)
        axes.xaxis.set_major_locator(_whole_numbers(6))
        axes.yaxis.set_major_locator(
            _whole_numbers(5) if integers else MaxNLocator(5)
        )
        if from_zero:
            axes.set_ylim(bottom=0)
        if integers:
            axes.set_ylim(top=max(axes.get_ylim()[1], 1))
        return inline_svg(figure, label)


def edge_weights(label, weights, names, best, limits):
    """One edge's mixing weights over the epochs, a line per operation.

    Args:
        label: what the figure shows, for those who cannot see it.
        weights: (epochs + 1, operations), the first before any training.
        names: the operations.
        best: the operation drawn in bold.
        limits: ends of the vertical axis, shared by all edges of a cell.

    Returns:
        An `<svg>` element.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2.8, 1.5))
        axes = figure.add_axes((0.2, 0.17, 0.76, 0.8))
        epochs = np.arange(len(weights))
        for values, name in zip(weights.T, names, strict=True):
            bold = name == best
            width, order = (2.6, 3) if bold else (1.1, 2)
            ink = colours.of(str(name))
            _line(axes, epochs, values, ink, linewidth=width, zorder=order)
        axes.set_xlim(0, epochs[-1])
        axes.set_xticks([0, epochs[-1]])
        axes.set_ylim(*limits)
        axes.yaxis.set_major_locator(MaxNLocator(2))
        axes.yaxis.set_major_formatter("{x:.3g}")
        return inline_svg(figure, label)


def leaders(label, rows, runs, boundaries=()):
    """The leading operation of each edge at each epoch.

    Args:
        label: what the figure shows, for those who cannot see it.
        rows: the edges' names, drawn from the top.
        runs: per edge, (first epoch, epochs, operation) of each lead.
        boundaries: epochs after which a new stage began.

    Returns:
        An `<svg>` element.
    """
    with matplotlib.rc_context(STYLE | {"axes.grid": False}):
        height = 0.5 + 0.21 * len(rows)
        figure = Figure(figsize=(5.8, height))
        axes = figure.add_axes((0.09, 0.33 / height, 0.9, 1 - 0.38 / height))
        for row, leads in enumerate(runs):
            for start, length, name in leads:
                ink = colours.of(name)
                axes.broken_barh(
                    [(start - 0.5, length)],
                    (row - 0.36, 0.72),
                    facecolor=ink.light,
                    alpha=0.55 if ink.dashed else 1,
                    linewidth=0,
                )
        _mark_stages(axes, [epoch + 0.5 for epoch in boundaries])
        axes.set_yticks(range(len(rows)), rows)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.margins(x=0)
        axes.xaxis.set_major_locator(_whole_numbers(6))
        return inline_svg(figure, label)


def inline_svg(figure, label):
    """A figure as an `<svg>` element in the page's colours.

    It has no clipping and no markers, so no part of it refers to another by an
    id.
    """
    file = io.StringIO()
    for artist in figure.findobj():
        artist.set_clip_on(False)
    FigureCanvasSVG(figure).print_svg(
        file, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
    )
    return themed(adopt(file.getvalue(), label))


def adopt(svg, label):
    """Turns an SVG document into an element that fits into a page.

    Ids are dropped, since no two elements of a page may share one.

    Args:
        svg: the document.
        label: what it shows, for those who cannot see it.

    Returns:
        `<svg role="img" aria-label=...>`, scaled by the page's CSS.
    """
    svg = svg[svg.index("<svg") :]
    for unwanted in ("metadata", "style", "title"):
        svg = re.sub(rf"<{unwanted}\b.*?</{unwanted}>", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->|\sid=\"[^\"]*\"", "", svg, flags=re.S)
    end = svg.index(">") + 1
    box = re.search(r'viewBox="[^"]*"', svg[:end])
    head = f'<svg {box[0]} role="img" aria-label="{html.escape(label)}">'
    return head + svg[end:].strip()


def themed(svg):
    """Shortens matplotlib's SVG and makes its colours follow the theme."""
    for ink in colours.all_inks():
        svg = svg.replace(ink.light, colours.variable(ink))
    svg = re.sub(r" font-family: [^;\"]+;", "", svg)
    svg = re.sub(r' transform="rotate\(-0[^"]*"', "", svg)
    svg = re.sub(r' d="[^"]*"', _rounded, svg)
    return re.sub(r"\s+", " ", svg).replace("<defs> </defs>", "")


def _rounded(path):
    """A tenth of a unit is finer than any screen shows."""
    return re.sub(r"(\.\d)\d+", r"\1", path[0])


def _line(axes, x, y, ink, **style):
    if len(x) == 1:
        x, y = np.array([x[0] - 0.2, x[0] + 0.2]), np.repeat(y, 2)
    dash = (0, (3.5, 1.4)) if ink.dashed else "-"
    axes.plot(x, y, color=ink.light, linestyle=dash, **style)


def _whole_numbers(ticks):
    return MaxNLocator(ticks, integer=True, min_n_ticks=1)


def _mark_stages(axes, positions):
    for position in positions:
        axes.axvline(position, color=colours.MUTED.light, linewidth=0.8)
