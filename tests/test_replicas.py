"""A step is the same on any number of devices."""

import os
import subprocess
import sys
from pathlib import Path

import distributed_steps
import numpy as np
import pytest
from running import arrays

HERE = Path(__file__).parent
# Enough for every day: two replicas, few operations.
SMALL = ["small", "small_ahead"]
WHOLE = [name for name in distributed_steps.CASES if name not in SMALL]


@pytest.mark.parametrize(
    "name", [*SMALL, *(pytest.param(n, marks=pytest.mark.slow) for n in WHOLE)]
)
def test_any_number_of_replicas_ends_the_same(name, tmp_path):
    case, ends = distributed_steps.CASES[name], {}
    for count in case.replicas:
        out = tmp_path / f"{count}.npz"
        words = ["distributed_steps.py", name, str(count), str(out)]
        done = subprocess.run(
            [sys.executable, *words],
            cwd=HERE,
            env=os.environ | {"PYTHONPATH": str(HERE.parent)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        ends[count] = arrays(out)
    exact = case.dtype == "float64"
    for count in case.replicas[1:]:
        assert ends[count].keys() == ends[1].keys()
        worst = {"alpha": 0.0, "weights": 0.0, "log": 0.0}
        for path, expected in ends[1].items():
            kind = "alpha" if "architecture" in path else "weights"
            kind = "log" if path.startswith("log/") else kind
            apart = np.abs(ends[count][path] - expected).max()
            worst[kind] = max(worst[kind], apart)
        print(f"{name}: {count} replicas differ from one by {worst}")
        assert ends[count]["apart"] == 0
        assert worst["alpha"] < (1e-8 if exact else 1e-4)
        if exact:
            assert worst["weights"] < 1e-7
            assert worst["log"] < 1e-6  # kept in float32
