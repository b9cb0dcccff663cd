"""Searches: from images to a genotype."""

from tfnas.search.config import SearchConfig, main, resolve

__all__ = ["SearchConfig", "main", "resolve"]
