"""Comparisons of finished runs with each other, chance and the papers.

`labels` names the searches and `records` reads their folders; `survey`, `gain`,
`bench`, `cells` and `features` make a table each; `lookup` asks NAS-Bench-201;
`plots` draws; `comparison` puts the parts together and `files` writes them.
`measuring` adds measures that runs lack.
"""

from tfnas.compare.config import CompareConfig, main, resolve

__all__ = ["CompareConfig", "main", "resolve", "written", "written_gain"]


def __getattr__(name):
    """The functions that write numbers, which need NumPy."""
    if name == "written":
        from tfnas.compare.numbers import written

        return written
    if name == "written_gain":
        from tfnas.compare.gain import written_gain

        return written_gain
    raise AttributeError(f"module 'tfnas.compare' has no attribute {name!r}")
