"""Notebooks: pages have `<!-- script: FILE -->` where a script is to be shown.

Such a script has cells: `# %% [markdown]` with text behind `#`, and `# %%` with
code. VS Code and Jupytext know this form too. A page offers it as it is, and as
a notebook of Jupyter.
"""

import json
import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACE = re.compile(r"<!-- script: (\S+) -->")
CELL = re.compile(r"^# %%( \[markdown\])?\n", re.MULTILINE)


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def cells(text):
    """The cells of a script, as (kind, text); its docstring is left out."""
    _, *parts = CELL.split(text)
    for mark, content in zip(parts[::2], parts[1::2], strict=True):
        if mark:
            content = re.sub(r"^# ?", "", content, flags=re.MULTILINE)
        yield ("markdown" if mark else "code"), content.strip("\n")


def page(text):
    """A script as Markdown."""
    return "\n\n".join(
        content if kind == "markdown" else f"```python\n{content}\n```"
        for kind, content in cells(text)
    )


def notebook(text):
    """A script as a notebook of Jupyter, which nothing has run yet."""
    code = {"execution_count": None, "outputs": []}
    return {
        "cells": [
            {"cell_type": kind, "metadata": {}, "source": content}
            | (code if kind == "code" else {})
            for kind, content in cells(text)
        ],
        "metadata": {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            }
        },
        "nbformat": 4,
        "nbformat_minor": 4,
    }


def _fill(app, name, source):
    def shown(place):
        script = ROOT / place[1]
        app.env.note_dependency(str(script))
        text = script.read_text(encoding="utf-8")
        target = Path(app.doctreedir, script.with_suffix(".ipynb").name)
        target.write_text(json.dumps(notebook(text)), encoding="utf-8")
        here = Path(app.env.doc2path(name)).parent
        files = ", ".join(
            f"{{download}}`{path.name} <{os.path.relpath(path, here)}>`"
            for path in (script, target)
        )
        return f"{page(text)}\n\nThis page as a file: {files}."

    source[0] = PLACE.sub(shown, source[0])
