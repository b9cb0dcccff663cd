"""Make, remake and check entries of the zoo."""

from tfnas.build.config import BuildConfig, main, resolve

__all__ = ["BuildConfig", "main", "resolve"]
