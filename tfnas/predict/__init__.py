"""Classify image files with a network."""

from tfnas.predict.config import PredictConfig, main, resolve

__all__ = ["PredictConfig", "main", "resolve"]
