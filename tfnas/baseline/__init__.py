"""Searches without gradients, the baselines of those with gradients.

`random` and `evolution` train every cell briefly; `naswot` and `synflow` score
untrained networks; `weight_sharing` trains one supernet path by path and
compares cells with its weights.
"""

from tfnas.baseline.config import BaselineConfig, main, resolve, unused
from tfnas.baseline.titles import TITLES

__all__ = ["BaselineConfig", "TITLES", "main", "resolve", "unused"]
