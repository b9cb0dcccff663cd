"""A table as Markdown and as HTML."""

import dataclasses

from tfnas.report import markup


@dataclasses.dataclass(frozen=True)
class Table:
    """A caption, columns and rows.

    Attributes:
        caption: what the table shows.
        head: names of the columns; the first heads the rows.
        rows: of cells, each as long as `head`.
        notes: lines below it.
    """

    caption: str
    head: tuple
    rows: list
    notes: tuple = ()

    def markdown(self):
        """The table as Markdown."""
        lines = [f"**{self.caption}**", "", _row(self.head)]
        lines += [_row(["---"] * len(self.head))]
        lines += map(_row, self.rows)
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines)

    def html(self):
        """The table as escaped HTML."""
        notes = "".join(
            f'<p class="note">{markup.escape(note)}</p>' for note in self.notes
        )
        rows = [
            [first, *(('class="words"', cell) for cell in rest)]
            for first, *rest in self.rows
        ]
        head = [self.head[0]]
        head += [('class="words"', name) for name in self.head[1:]]
        return markup.table(self.caption, head, rows) + notes


def _row(cells):
    # The benchmark's notation of a cell contains bars.
    texts = [str(cell).replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(texts)} |"
