"""The commands, read from their source: importing them all is slow."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Flags of a search that are not in its own folder.
METHOD = "methods/method.py"


def names():
    """The commands: the packages that `python -m` can run."""
    return sorted(path.parent.name for path in ROOT.glob("*/__main__.py"))


def purpose(name):
    """A command's purpose: the first line of its `__main__.py`."""
    text = (ROOT / name / "__main__.py").read_text(encoding="utf-8")
    line = ast.get_docstring(ast.parse(text)).splitlines()[0]
    return line.partition(": ")[2]


def having(flag):
    """The commands that have a flag, in order."""
    field = re.compile(
        rf"^    {flag}: .+ = (choice|flags\.\w+)\(", re.MULTILINE
    )
    found = {
        path.parent.name
        for name in names()
        for path in ROOT.glob(f"{name}/*.py")
        if field.search(path.read_text(encoding="utf-8"))
    }
    if field.search((ROOT / METHOD).read_text(encoding="utf-8")):
        found.add("search")
    return sorted(found)
