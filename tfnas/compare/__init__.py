"""What finished runs say against each other, against chance and the papers.

`labels` names the searches and `records` reads their folders; `survey`, `gain`,
`bench`, `cells` and `features` make a table each; `lookup` asks NAS-Bench-201;
`plots` draws; `comparison` puts the parts together and `files` writes them.
`measuring` adds what no run measures.
"""

from tfnas.compare.config import CompareConfig, main, resolve

__all__ = ["CompareConfig", "main", "resolve", "welch", "written"]


def __getattr__(name):
    """What `numbers` says of values, which needs NumPy."""
    if name in ("welch", "written"):
        from tfnas.compare import numbers

        return getattr(numbers, name)
    raise AttributeError(f"module 'tfnas.compare' has no attribute {name!r}")
