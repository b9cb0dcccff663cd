"""HTML and numbers as text. All text from files is escaped here."""

import html
import math
import unicodedata

from tfnas.report import colours


class Raw(str):
    """Text that is HTML already."""


def escape(value):
    """The value as text that is safe in an element and in an attribute."""
    return value if isinstance(value, Raw) else html.escape(str(value))


def table(caption, head, rows, name=""):
    """A table whose first column heads the rows, each as long as `head`.

    A cell or heading is a value or a pair (attributes as HTML, value);
    `name` is a class for the style sheet.
    """
    heading = "".join(cell(one, 'th scope="col"') for one in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(cell(one) for one in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return scrolling(
        caption,
        f'<table class="{name}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table>",
    )


def scrolling(label, content):
    """HTML that scrolls on its own if it is wider than the page."""
    return Raw(
        '<div class="scroll" tabindex="0" role="region" '
        f'aria-label="{escape(label)}">{content}</div>'
    )


def cell(value, tag="td"):
    """A cell of a table: a value, or a pair (attributes as HTML, value)."""
    attributes, value = value if isinstance(value, tuple) else ("", value)
    return f"<{tag} {attributes}>{escape(value)}</{tag[:2]}>"


def facts(pairs):
    """A table of names and values."""
    rows = "".join(
        f'<tr><th scope="row">{escape(k)}</th><td>{escape(v)}</td></tr>'
        for k, v in pairs.items()
    )
    return Raw(f'<table class="facts"><tbody>{rows}</tbody></table>')


def key_figures(entries):
    """Large numbers side by side: (name, value, note)."""
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}"
        f"<small>{escape(note)}</small></dd></div>"
        for name, value, note in entries
    )
    return Raw(f'<dl class="key">{items}</dl>')


def legend(entries):
    """A legend of names and lines."""
    items = "".join(
        f"<li>{swatch(ink)}{escape(name)}</li>" for name, ink in entries.items()
    )
    return Raw(f'<ul class="legend">{items}</ul>')


def blocks(entries):
    """A legend of names and coloured areas; dashed inks are pale."""
    items = "".join(
        f'<li><i class="block{" pale" if ink.dashed else ""}" '
        f'style="background:{colours.variable(ink)}"></i>{escape(name)}</li>'
        for name, ink in entries.items()
    )
    return Raw(f'<ul class="legend">{items}</ul>')


def swatch(ink):
    """A short piece of the ink's line."""
    dashed = " dashed" if ink.dashed else ""
    return Raw(
        f'<i class="line{dashed}" '
        f'style="border-color:{colours.variable(ink)}"></i>'
    )


def figure(svg, caption, note=""):
    """A figure under its caption; `svg` and `note` are HTML."""
    return Raw(
        f"<figure><figcaption><b>{escape(caption)}</b>{note}</figcaption>"
        f"{svg}</figure>"
    )


# === Names ===


def fitting(name, room):
    """The name, or as much of it as fits; `room` is as in `width`.

    Example: `fitting("chrysanthemum", 60)` is "chrysa…".
    """
    if width(name) <= room:
        return name
    while name and width(f"{name}…") > room:
        name = name[:-1]
    return f"{name}…"


def width(name):
    """A lower bound of the width, in pixels, of 11-pixel letters."""
    wide = sum(
        letter in "mwMW@%…" or unicodedata.east_asian_width(letter) in "WF"
        for letter in name
    )
    return 7 * len(name) + 4 * wide


# === Numbers ===


def count(number, *, unit=""):
    """Three significant digits with a prefix."""
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * size:
            value = number / size
            digits = 2 - math.floor(math.log10(value) + 1e-3)
            return f"{value:.{max(digits, 0)}f} {prefix}{unit}"
    return f"{number:,.0f}{unit and ' ' + unit}"


def exact(number):
    """A whole number with thousands separators."""
    return f"{number:,.0f}"


def duration(seconds):
    """A length of time in common words."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def percent(fraction):
    """A share of 1 in percent, or a dash."""
    return "–" if math.isnan(fraction) else f"{100 * fraction:.1f} %"


def plural(number, noun):
    """A number and its noun."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
