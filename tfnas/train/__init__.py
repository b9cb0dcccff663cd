"""Trainings of a genotype's network."""

from tfnas.train.config import TrainConfig, main, resolve
from tfnas.train.recipe import Recipe

__all__ = ["Recipe", "TrainConfig", "main", "resolve", "validate"]


def __getattr__(name):
    """`validate`, which needs TensorFlow."""
    if name == "validate":
        from tfnas.train.run import validate

        return validate
    raise AttributeError(f"module 'tfnas.train' has no attribute {name!r}")
