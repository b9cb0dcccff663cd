"""Seconds per step, against this machine's limit.

`run` starts a `worker` process for each `case` and lets them take turns; a
worker runs one of the `subjects` and answers with seconds; `limits` computes
the machine's best time, `printing` prints.
"""

from tfnas.benchmark.config import BenchmarkConfig, main

__all__ = ["BenchmarkConfig", "main"]
