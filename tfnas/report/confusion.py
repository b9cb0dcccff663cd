"""A test's confusion: a table of the classes and a picture."""

import numpy as np

from tfnas.report import colours, interval, markup, sortable
from tfnas.report.markup import Raw, escape

_OPEN = 20  # classes above which the table is folded
_LABELLED = 40  # more names cannot be read next to the picture
_MARGIN = 150  # the room for a name next to the picture


def table(confusion, classes):
    """A row for each class, the worst first, with recall and precision.

    `confusion` counts (classes, classes), row true, column predicted.
    """
    right, true = np.diag(confusion), confusion.sum(1)
    recall, precision = _share(right, true), _share(right, confusion.sum(0))
    wrong = confusion - np.diag(right)
    most = wrong.argmax(1)
    mistakes = wrong.max(1)
    rows = [
        (
            name,
            markup.percent(recall[i]),
            interval.counted(right[i], true[i]) if true[i] else "–",
            markup.percent(precision[i]),
            (
                'class="words"',
                f"{classes[most[i]]} ({mistakes[i]})" if mistakes[i] else "–",
            ),
        )
        for i, name in enumerate(classes)
    ]
    head = (
        "Class",
        "Found (recall)",
        "Test images, 95 % interval",
        "Correct when predicted (precision)",
        "Most often mistaken for",
    )
    keys = (np.arange(len(classes)), recall, -true, precision, -mistakes)
    caption = "All classes of the test images; click a heading to sort"
    found = sortable.table(caption, head, rows, keys, first=1)
    if len(classes) <= _OPEN:
        return found
    worst = np.argsort(recall, kind="stable")[:3]
    named = ", ".join(
        f"{classes[i]} ({right[i]} of {true[i]})" for i in worst if true[i]
    )
    return Raw(
        f"<p>Least often found: {escape(named)}.</p><details><summary>All "
        f"{len(classes)} classes, the worst first</summary>{found}</details>"
    )


def picture(confusion, classes):
    """Squares whose darkness is the share of their row, in the page's colours.

    `confusion` counts (classes, classes), row true, column predicted.
    """
    count = len(classes)
    side = max(6, min(36, 720 // count))
    labelled = count <= _LABELLED
    shown = classes if labelled else ()
    names = [markup.fitting(str(name), _MARGIN) for name in shown]
    margin = 24 + max([22, *map(markup.width, names)])
    size = margin + side * count + 2
    squares = []
    for (true, guess), images in np.ndenumerate(confusion):
        if not images:
            continue
        share = images / confusion[true].sum()
        ink = colours.VALID if true == guess else colours.OTHER
        opacity = round(max(share, 0.04) ** 0.6, 2)
        x, y = margin + side * guess, margin + side * true
        title = f"{classes[true]} predicted as {classes[guess]}: {images}"
        squares.append(
            f'<rect x="{x}" y="{y}" width="{side - 1}" height="{side - 1}" '
            f'fill="{colours.variable(ink)}" fill-opacity="{opacity:.2f}">'
            f"<title>{escape(title)}</title></rect>"
        )
        if labelled and side >= 20:
            letters = colours.variable(colours.letters_on(ink, opacity))
            font = min(10, 1.6 * side / len(str(images)))
            squares.append(
                f'<text x="{x + side / 2 - 0.5}" y="{y + side / 2 + 4}" '
                f'text-anchor="middle" fill="{letters}" '
                f'font-size="{font:.3g}" pointer-events="none">{images}</text>'
            )
    label = f"Confusion of {count} classes: rows are true, columns predicted"
    # Below nine tenths it cannot be read.
    least = round(0.9 * size) if labelled else 0
    svg = (
        f'<svg viewBox="0 0 {size} {size}" role="img" '
        f'style="min-width:{least}px;max-width:{size}px" '
        f'aria-label="{escape(label)}">'
        + _axes(margin, side, list(zip(names, classes, strict=False)))
        + f"{''.join(squares)}</svg>"
    )
    inks = {"right": colours.VALID, "wrong": colours.OTHER}
    content = markup.scrolling(label, svg)
    return markup.figure(content, "Confusion", markup.blocks(inks))


def _axes(margin, side, names):
    """The names that fit next to the picture, with the whole name as title."""
    style = f'fill="{colours.variable(colours.MUTED)}" font-size="11"'
    parts = [
        f'<text x="{margin}" y="12" {style}>predicted →</text>'
        f'<text x="2" y="{margin - 6 if names else margin + 9}" {style}>'
        "true ↓</text>"
    ]
    for index, (short, name) in enumerate(names):
        middle = margin + side * index + side / 2
        text = f"<title>{escape(name)}</title>{escape(short)}</text>"
        parts.append(
            f'<text x="{margin - 6}" y="{middle + 4}" text-anchor="end" '
            f"{style}>{text}"
            f'<text transform="translate({middle + 4} {margin - 6}) '
            f'rotate(-90)" {style}>{text}'
        )
    return "".join(parts)


def _share(parts, wholes):
    """Shares; NaN for a share of 0 images."""
    return np.where(wholes, parts / np.maximum(wholes, 1), np.nan)
