"""Searches for a genotype on a data set."""

from tfnas.search.config import SearchConfig, main, resolve

__all__ = ["SearchConfig", "main", "resolve"]
