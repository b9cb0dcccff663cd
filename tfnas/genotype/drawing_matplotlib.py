"""Draws the panels of `tfnas.genotype.drawing` where Graphviz is not installed.

The boxes of a cell stand on one line in the order of the states, the inputs
one above the other. Each link runs in a lane above or below that line, which
no other link uses on the same stretch, and its label stands between two
columns, where no link climbs; so no two labels overlap. Lengths are inches.
"""

import io
from collections.abc import Sequence
from itertools import count

_LANE = 0.42  # from one lane to the next
_STEP = 1.95  # from one column to the next
_RISE = 0.42  # in which a link climbs to its lane
_ROW = 0.8  # from one row of a chain to the next
_CHARACTER = 0.085  # width of one in a box


def draw(panels: Sequence, kind: str) -> bytes:
    """Returns the picture as bytes.

    Args:
      panels: list of `tfnas.genotype.drawing.Panel`, drawn from top to bottom.
      kind: "svg" or "png".
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    top, right = 0.0, 0.0
    for panel in panels:
        axes.text(-0.55, top - 0.3, panel.title, fontsize=14, va="center")
        draw_panel = _draw_chain if panel.row else _draw_cell
        top, width = draw_panel(axes, panel, top - 0.85)
        right = max(right, width)
    axes.set(xlim=(-0.7, right + 0.7), ylim=(top, 0))
    figure.set_size_inches(right + 1.4, -top)
    # Text stays text, and the same genotype gives the same file.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "tfnas"}):
        file = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(file, format=kind, dpi=144, metadata=metadata)
    return file.getvalue()


# === Cells ===


def _draw_cell(axes, panel, top: float) -> tuple[float, float]:
    """Draws below `top`; returns the new top and the right end."""
    columns = _columns(panel)
    lanes = _lanes(panel, columns)
    line = top - max(1, *lanes) * _LANE
    inputs = [box for box in panel.boxes if box.kind == "input"]
    places = {name: (_x(column), line) for name, column in columns.items()}
    if len(inputs) == 2:
        for box, side in zip(inputs, (1, -1), strict=True):
            places[box.name] = (0.0, line + side * _LANE)
    widths = {box.name: _width(box) for box in panel.boxes}
    for link, lane in zip(panel.links, lanes, strict=True):
        (x0, y0), (x1, y1) = places[link.source], places[link.to]
        x0 += widths[link.source] / 2
        x1 -= widths[link.to] / 2
        y = line + lane * _LANE
        port = 0.07 * ((lane > 0) - (lane < 0))
        _draw_curve(axes, link, (x0, y0), y, (x1, y1 + port))
        first, last = columns[link.source], columns[link.to]
        gap = first + (last - first - 1) // 2
        start = widths[link.source] / 2 if gap == first else 0
        middle = (_x(gap) + start + _x(gap + 1)) / 2
        _draw_label(axes, link, middle, y)
    for box in panel.boxes:
        _draw_box(axes, box, *places[box.name])
    bottom = line + min(-1, *lanes) * _LANE
    return bottom - 0.45, _x(max(columns.values()))


def _columns(panel) -> dict[str, int]:
    inputs = [box.name for box in panel.boxes if box.kind == "input"]
    others = [box.name for box in panel.boxes if box.kind != "input"]
    columns = {name: i for i, name in enumerate(others, start=1)}
    return columns | dict.fromkeys(inputs, 0)


def _x(column: int) -> float:
    """The inputs are wide boxes; the first gap makes up for it."""
    return column * _STEP + 0.5 * (column > 0)


def _lanes(panel, columns: dict[str, int]) -> list[int]:
    """Returns the lane of each link: 0 the line, positive above it."""
    spans = [(columns[a.source], columns[a.to]) for a in panel.links]
    # Short links keep near the line, and those to the output go around.
    order = sorted(
        range(len(spans)),
        key=lambda i: (not panel.links[i].label, spans[i][1] - spans[i][0]),
    )
    inputs = [box.name for box in panel.boxes if box.kind == "input"]
    lanes, taken = [0] * len(spans), set()
    for i in order:
        start, end = spans[i]
        stretch = range(start, end)
        lanes[i] = next(
            lane
            for lane in _candidates(panel.links[i], end - start, inputs)
            if not any((lane, column) in taken for column in stretch)
        )
        taken |= {(lanes[i], column) for column in stretch}
    return lanes


def _candidates(link, span: int, inputs: list[str]):
    """Lanes by preference; of two inputs, each keeps to its own side."""
    beside = len(inputs) == 2 and link.source in inputs
    if beside:
        sides = (1,) if link.source == inputs[0] else (-1,)
    else:
        sides = (1, -1) if link.label else (-1, 1)
    if span == 1 and not beside:
        yield 0
    for distance in count(1):
        yield from (side * distance for side in sides)


def _draw_curve(axes, link, start, lane: float, end) -> None:
    from matplotlib.path import Path

    (x0, y0), (x1, y1) = start, end
    rise = min(_RISE, (x1 - x0) / 2)
    points = [
        (x0, y0),
        (x0 + rise / 2, y0),
        (x0 + rise / 2, lane),
        (x0 + rise, lane),
        (x1 - rise, lane),
        (x1 - rise / 2, lane),
        (x1 - rise / 2, y1),
        (x1, y1),
    ]
    bend = [Path.CURVE4] * 3
    codes = [Path.MOVETO, *bend, Path.LINETO, *bend]
    _draw_arrow(axes, link, Path(points, codes))


# === Chains ===


def _draw_chain(axes, panel, top: float) -> tuple[float, float]:
    """Draws below `top`; returns the new top and the right end."""
    from matplotlib.path import Path

    step = max(map(_width, panel.boxes)) + 0.4
    places = {
        box.name: (i % panel.row * step, top - i // panel.row * _ROW)
        for i, box in enumerate(panel.boxes)
    }
    widths = {box.name: _width(box) for box in panel.boxes}
    for link in panel.links:
        (x0, y0), (x1, y1) = places[link.source], places[link.to]
        if y0 == y1:
            x0, x1 = x0 + widths[link.source] / 2, x1 - widths[link.to] / 2
            path = Path([(x0, y0), (x1, y1)])
        else:
            between = (y0 + y1) / 2
            elbow = [(x0, between), (x1, between)]
            path = Path([(x0, y0 - 0.2), *elbow, (x1, y1 + 0.25)])
        _draw_arrow(axes, link, path)
    for box in panel.boxes:
        _draw_box(axes, box, *places[box.name])
    lowest = min(y for _, y in places.values())
    return lowest - 0.6, max(x for x, _ in places.values())


# === Parts ===


def _width(box) -> float:
    return max(map(len, box.label.split("\n"))) * _CHARACTER + 0.22


def _draw_box(axes, box, x: float, y: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    lines = box.label.count("\n") + 1
    width, height = _width(box), 0.17 * lines + 0.13
    style = "round,pad=0,rounding_size=0.08"
    corner = (x - width / 2, y - height / 2)
    axes.add_patch(
        FancyBboxPatch(
            corner,
            width,
            height,
            boxstyle=style,
            facecolor=box.fill,
            edgecolor="#6b7280",
            linestyle="--" if box.faint else "-",
            zorder=4,
        )
    )
    axes.text(
        x,
        y,
        box.label,
        ha="center",
        va="center_baseline" if lines == 1 else "center",
        fontsize=10,
        linespacing=1.15,
        color="#6b7280" if box.faint else "black",
        zorder=5,
    )


def _draw_arrow(axes, link, path) -> None:
    from matplotlib.patches import FancyArrowPatch

    axes.add_patch(
        FancyArrowPatch(
            path=path,
            arrowstyle="-|>,head_length=0.5,head_width=0.2",
            mutation_scale=10,
            linewidth=1.5 if link.label else 1.0,
            linestyle=(0, (4, 3)) if link.faint else "-",
            color=link.colour,
            zorder=2 if link.label else 1,
        )
    )


def _draw_label(axes, link, x: float, y: float) -> None:
    axes.text(
        x,
        y,
        link.label,
        ha="center",
        va="center",
        fontsize=9.5,
        linespacing=1.0,
        color=link.colour,
        zorder=3,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
