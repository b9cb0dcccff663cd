"""Sweeps over methods, data sets and seeds, on any engine."""

from tfnas.sweep.config import OWN, main, task, training_flags
from tfnas.sweep.engines import run_here

__all__ = ["OWN", "main", "run_here", "task", "training_flags"]
