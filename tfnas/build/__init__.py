"""Entries of the zoo: made from a training, made again, and checked."""

from tfnas.build.config import BuildConfig, main, resolve

__all__ = ["BuildConfig", "main", "resolve"]
