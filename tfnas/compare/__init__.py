"""Comparisons of finished runs with each other, chance and the papers.

`labels` names the searches and `records` reads their folders; `survey`, `gain`,
`bench`, `cells` and `features` make a table each; `lookup` asks NAS-Bench-201;
`plots` draws; `comparison` puts the parts together and `files` writes them.
`measuring` adds measures that runs lack.
"""

from tfnas.compare.config import CompareConfig, main, resolve

__all__ = ["CompareConfig", "main", "resolve", "welch", "written"]


def __getattr__(name):
    """The functions of `numbers`, which need NumPy."""
    if name in ("welch", "written"):
        from tfnas.compare import numbers

        return getattr(numbers, name)
    raise AttributeError(f"module 'tfnas.compare' has no attribute {name!r}")
