"""The confusion of a test: a table of the classes and a picture."""

import numpy as np

from tfnas.report import colours, interval, markup
from tfnas.report.markup import escape

_LABELLED = 40  # more names than that cannot be read beside the picture


def table(confusion, classes):
    """A row for each class: how much of it was found, and what misled.

    `confusion` counts (classes, classes), row true, column predicted.
    """
    rows = []
    for index, name in enumerate(classes):
        row, right = confusion[index], confusion[index, index]
        wrong = np.where(np.arange(len(row)) == index, 0, row)
        most = int(wrong.argmax())
        mistaken = f"{classes[most]} ({wrong[most]})" if wrong[most] else "–"
        rows.append(
            (
                name,
                markup.percent(_share(right, row.sum())),
                interval.counted(right, row.sum()) if row.sum() else "–",
                markup.percent(_share(right, confusion[:, index].sum())),
                ('class="words"', mistaken),
            )
        )
    head = (
        "Class",
        "Found (recall)",
        "Test images, 95 % interval",
        "Right when named (precision)",
        ('class="words"', "Most often taken for"),
    )
    return markup.table("Every class of the test images", head, rows)


def picture(confusion, classes):
    """Squares whose darkness is the share of their row, in the page's colours.

    `confusion` counts (classes, classes), row true, column predicted.
    """
    count = len(classes)
    side = max(6, min(36, 720 // count))
    labelled = count <= _LABELLED
    longest = max(len(str(name)) for name in classes)
    margin = 24 + (min(7 * longest, 150) if labelled else 0)
    size = margin + side * count + 2
    squares = []
    for (true, guess), images in np.ndenumerate(confusion):
        if not images:
            continue
        share = images / confusion[true].sum()
        ink = colours.VALID if true == guess else colours.OTHER
        x, y = margin + side * guess, margin + side * true
        title = f"{classes[true]} taken for {classes[guess]}: {images}"
        squares.append(
            f'<rect x="{x}" y="{y}" width="{side - 1}" height="{side - 1}" '
            f'fill="{colours.variable(ink)}" '
            f'fill-opacity="{max(share, 0.04) ** 0.6:.2f}">'
            f"<title>{escape(title)}</title></rect>"
        )
        if labelled and side >= 20:
            squares.append(
                f'<text x="{x + side / 2 - 0.5}" y="{y + side / 2 + 4}" '
                f'text-anchor="middle" fill="currentColor" font-size="10">'
                f"{images}</text>"
            )
    label = f"Confusion of {count} classes: rows are true, columns predicted"
    svg = (
        f'<svg viewBox="0 0 {size} {size}" role="img" '
        f'style="max-width:{size}px" aria-label="{escape(label)}">'
        + _axes(margin, side, classes if labelled else ())
        + f"{''.join(squares)}</svg>"
    )
    inks = {"right": colours.VALID, "wrong": colours.OTHER}
    return markup.figure(svg, "Confusion", markup.blocks(inks))


def _axes(margin, side, classes):
    style = f'fill="{colours.variable(colours.MUTED)}" font-size="11"'
    parts = [
        f'<text x="{margin}" y="12" {style}>predicted →</text>'
        f'<text x="2" y="{margin + 9 if not classes else margin - 6}" {style}>'
        "true ↓</text>"
    ]
    for index, name in enumerate(classes):
        middle = margin + side * index + side / 2
        name = escape(name if len(str(name)) <= 21 else f"{name[:20]}…")
        parts.append(
            f'<text x="{margin - 6}" y="{middle + 4}" text-anchor="end" '
            f"{style}>{name}</text>"
            f'<text transform="translate({middle + 4} {margin - 6}) '
            f'rotate(-90)" {style}>{name}</text>'
        )
    return "".join(parts)


def _share(part, whole):
    return float(part / whole) if whole else float("nan")
