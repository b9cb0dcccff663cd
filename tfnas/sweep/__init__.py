"""Sweeps: methods x data sets x seeds, on any engine."""

from tfnas.sweep.config import OWN, main, resolve, search_task, training_flags

__all__ = ["OWN", "main", "resolve", "search_task", "training_flags"]
