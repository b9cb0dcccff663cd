"""Draws the panels of `tfnas.genotype.drawing` where Graphviz is not installed.

A cell is drawn as a sequence diagram: a column for each box and a row for each
link, so that no two labels overlap. Lengths are pixels.
"""

from html import escape

_COLUMN = 130  # least width
_ROW = 26
_TOP = 48  # of the first row of boxes, below a panel's title
_CHARACTER = 7


def draw(panels):
    """The picture as an `<svg>` element, the panels from top to bottom."""
    parts, width, top = [], 0, 0
    for panel in panels:
        shapes, right, bottom = (_chain if panel.row else _cell)(panel)
        title = _text(12, 20, panel.title, "black", 'font-size="15"')
        parts += [f'<g transform="translate(0 {top})">', title, *shapes, "</g>"]
        width, top = max(width, right), top + bottom
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
        f'height="{top}" viewBox="0 0 {width} {top}" '
        'font-family="Helvetica,Arial,sans-serif" font-size="11">'
    )
    ground = f'<rect width="{width}" height="{top}" fill="white"/>'
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"


def _cell(panel):
    """Shapes, right end and lower end of a cell."""
    step = _step(panel)
    places = {
        box.name: step // 2 + number * step
        for number, box in enumerate(panel.boxes)
    }
    bottom = _TOP + _ROW * (len(panel.links) + 1)
    shapes = [
        f'<path d="M{x} {_TOP}V{bottom}" stroke="#d1d5db"/>'
        for x in places.values()
    ]
    for row, link in enumerate(panel.links, start=1):
        start, end = places[link.source], places[link.to]
        y = _TOP + 6 + row * _ROW
        shapes.append(_arrow(link, f"M{start} {y}H{end}", f"M{end} {y}l-8-4v8"))
        middle = 'text-anchor="middle"'
        x = (start + end) // 2
        shapes.append(_text(x, y - 4, link.label, link.colour, middle))
    shapes += [_box(box, places[box.name], _TOP) for box in panel.boxes]
    return shapes, len(panel.boxes) * step, bottom + _ROW


def _chain(panel):
    """The same of a chain, in rows."""
    step = _step(panel)
    places = {
        box.name: (
            step // 2 + number % panel.row * step,
            _TOP + number // panel.row * 2 * _ROW,
        )
        for number, box in enumerate(panel.boxes)
    }
    widths = {box.name: _width(box) for box in panel.boxes}
    shapes = []
    for link in panel.links:
        (x0, y0), (x1, y1) = places[link.source], places[link.to]
        if y0 == y1:
            x1 -= widths[link.to] // 2
            line, tip = f"M{x0} {y0}H{x1}", f"M{x1} {y1}l-8-4v8"
        else:
            line = f"M{x0} {y0}V{y0 + _ROW}H{x1}V{y1}"
            tip = f"M{x1} {y1 - 12}l-4-8h8"
        shapes.append(_arrow(link, line, tip))
    shapes += [_box(box, *places[box.name]) for box in panel.boxes]
    columns = min(panel.row, len(panel.boxes))
    return shapes, columns * step, max(y for _, y in places.values()) + _ROW


def _step(panel):
    return max(_COLUMN, 24 + max(map(_width, panel.boxes)))


def _width(box):
    return 16 + _CHARACTER * len(box.label)


def _box(box, x, y):
    width = _width(box)
    dashed = ' stroke-dasharray="4 3"' if box.faint else ""
    colour = "#6b7280" if box.faint else "black"
    return (
        f'<rect x="{x - width / 2}" y="{y - 12}" width="{width}" height="24" '
        f'rx="6" fill="{box.fill}" stroke="#6b7280"{dashed}/>'
        + _text(x, y + 4, box.label, colour, 'text-anchor="middle"')
    )


def _arrow(link, line, tip):
    dashed = ' stroke-dasharray="4 3"' if link.faint else ""
    return (
        f'<path d="{line}" fill="none" stroke="{link.colour}"{dashed}/>'
        f'<path d="{tip}" fill="{link.colour}"/>'
    )


def _text(x, y, text, colour, more):
    line = escape(text.replace("\n", " "))
    return (
        line and f'<text x="{x}" y="{y}" fill="{colour}" {more}>{line}</text>'
    )
