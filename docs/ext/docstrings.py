"""Docstrings are Markdown in small: code in fences, names in backticks."""

import re

from tfnas.cli import command

FENCE = re.compile(r"( *)```(\w*)")
# A name in backticks, one in two that stays as it is, a flag without any.
CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)|``.+?``|(?<![\w-])--\w+(?:=\w+)?")


def setup(app):
    """Called by Sphinx; Napoleon, at the usual 500, comes after."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("source-read", _start)
    app.connect("autodoc-process-docstring", _process, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _start(app, page, source):
    """Import what the names of a page need, without notes on the terminal."""
    if "autofunction::" in source[0]:
        with command.quiet_start():
            import keras  # noqa: F401


def _process(app, what, name, found, options, lines):
    if what == "property":  # its type, thinks Napoleon, is before the colon
        lines[0] = lines[0].replace(": ", " -- ", 1)
    lines[:] = restructured("\n".join(lines)).split("\n")


def restructured(text):
    """A docstring as reStructuredText."""
    parts = re.split(r"(^ *```\w*\n.*?^ *```$)", text, flags=re.M | re.S)
    prose, code = parts[::2], map(_block, parts[1::2])
    prose = [CODE.sub(_quoted, part) for part in prose]
    return "".join(a + b for a, b in zip(prose, [*code, ""], strict=True))


def _quoted(found):
    return f"``{found[1] or found[0].strip('`')}``"


def _block(fenced):
    first, *lines, _ = fenced.split("\n")
    indent, language = FENCE.match(first).groups()
    return "\n".join(
        [f"{indent}.. code-block:: {language or 'text'}", ""]
        + [f"    {line}".rstrip() for line in lines]
        + [""]
    )
