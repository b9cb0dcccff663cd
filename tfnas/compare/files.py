"""comparison.csv, .md, .html and .png."""

import json
from pathlib import Path

from tfnas.cli.files import csv_text, staged
from tfnas.compare import plots, tried
from tfnas.compare.comparison import COLUMNS
from tfnas.errors import UserError
from tfnas.report import markup, page

FILES = {
    "comparison.csv": "a row for each run",
    "comparison.md": "these tables as Markdown",
}
PICTURE = {"comparison.png": "the first picture"}


def write(comparison, out):
    """Write a comparison's files, each whole or not at all."""
    text = markdown(comparison)
    shown = bool(comparison.scores)
    files = {
        "comparison.csv": csv_text(COLUMNS, comparison.rows),
        "comparison.md": text + "\n",
        "comparison.html": html(comparison, FILES | (PICTURE if shown else {})),
    }
    if comparison.tried:
        files[tried.FILE] = json.dumps(comparison.tried, indent=1) + "\n"
    path = Path(out)
    try:
        for name, content in files.items():
            path = Path(out) / name
            with staged(path) as aside:
                aside.write_text(content, encoding="utf-8", newline="")
        if shown:
            path = Path(out) / "comparison.png"
            with staged(path) as aside:
                plots.picture(comparison.scores, comparison.judged, aside)
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}; make room or repair it, then --gather"
        ) from None
    return f"{text}\n\n{Path(out) / 'comparison.html'}: the same with pictures"


def markdown(comparison):
    """The tables as Markdown."""
    parts = [f"# {comparison.title}", comparison.summary]
    for heading, tables in comparison.sections.items():
        parts += [f"## {heading}", *(table.markdown() for table in tables)]
    parts += comparison.missing
    return "\n\n".join(parts)


def html(comparison, files):
    """A page that needs no other file."""
    header = (
        '<p class="kicker">Comparison</p>'
        f"<h1>{markup.escape(comparison.title)}</h1>"
        f'<p class="verdict">{markup.escape(comparison.summary)}</p>'
    )
    seeds = ""
    if comparison.scores:
        svg = plots.each_seed(comparison.scores, comparison.judged)
        caption = f"{comparison.judged}: a dot is a seed, a bar the mean"
        seeds = (
            f'<div style="max-width:44em">{markup.figure(svg, caption)}</div>'
        )
    charts = "".join(
        markup.figure(svg, caption) for caption, svg in comparison.charts
    )
    notes = "".join(
        f'<p class="note">{markup.escape(line)}</p>'
        for line in comparison.missing
    )
    sections = {
        "Pictures": seeds
        + markup.legend(comparison.inks)
        + f'<div class="charts">{charts}</div>{notes}',
        **{
            heading: "".join(table.html() for table in tables)
            for heading, tables in comparison.sections.items()
        },
    }
    return page.document(comparison.title, header, sections, files)
