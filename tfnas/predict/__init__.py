"""What a network sees in image files."""

from tfnas.predict.config import PredictConfig, main, resolve

__all__ = ["PredictConfig", "main", "resolve"]
