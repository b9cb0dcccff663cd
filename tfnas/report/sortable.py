"""Tables that a reader can sort, by style alone: a page has no script.

Each heading has a radio button, and each row its place in every order.
"""

import numpy as np

from tfnas.report.markup import Raw, cell, escape, scrolling


def table(caption, head, rows, keys, first):
    """A table like `markup.table` that is sorted by a heading.

    Args:
        caption: what it shows.
        head: its five headings, as the style sheet has five orders.
        rows: tuples of cells as in `markup.table`.
        keys: for each heading, a number for each row; the smallest comes first.
        first: the heading, counted from 0, that sorts at first.
    """
    places = np.array([_places(key) for key in keys])
    buttons = "".join(
        f'<th scope="col" role="columnheader">'
        f'<label><input type="radio" name="order" class="by{number}"'
        f"{' checked' if number == first else ''}>{escape(name)}</label></th>"
        for number, name in enumerate(head)
    )
    body = "".join(
        _row(rows[number], places[:, number])
        for number in np.argsort(places[first])
    )
    return scrolling(
        caption,
        '<table class="sortable" role="table">'
        f'<caption>{escape(caption)}</caption><thead role="rowgroup">'
        f'<tr role="row">{buttons}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table>',
    )


def _places(key):
    """The place of each row in the order of a key; equals keep their order."""
    places = np.empty(len(key), int)
    places[np.argsort(key, kind="stable")] = np.arange(len(key))
    return places


def _row(cells, places):
    order = ";".join(f"--by{i}:{place}" for i, place in enumerate(places))
    first, *rest = cells
    return Raw(
        f'<tr role="row" style="{order}">'
        f'<th scope="row" role="rowheader">{escape(first)}</th>'
        + "".join(cell(x, 'td role="cell"') for x in rest)
        + "</tr>"
    )
