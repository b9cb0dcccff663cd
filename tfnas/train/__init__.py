"""Trainings: from a genotype to weights."""

from tfnas.train.config import TrainConfig, main, resolve
from tfnas.train.recipe import Recipe, preset

__all__ = ["Recipe", "TrainConfig", "main", "preset", "resolve"]
