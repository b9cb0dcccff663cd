"""A step is the same on any number of devices."""

import os
import sys
from pathlib import Path

import distributed_steps
import numpy as np
import preloaded
import pytest
from running import arrays

HERE = Path(__file__).parent
# Enough for every day: two replicas, few operations.
SMALL = ["small", "small_ahead"]
WHOLE = [
    "small_exact",
    "small_four",
    "darts",
    "pdarts",
    "fair_darts",
    "att_darts",
    "gdas",
    "drnas",
    "finite_difference",
    "exact",
    "float32",
]
ALPHA = "alpha"


@pytest.mark.parametrize(
    "name", [*SMALL, *(pytest.param(n, marks=pytest.mark.slow) for n in WHOLE)]
)
def test_any_number_of_replicas_ends_the_same(name, tmp_path):
    case = distributed_steps.CASES[name]
    ends = {count: end(name, count, tmp_path) for count in case.replicas}
    for count in case.replicas[1:]:
        apart = farthest(ends[count], ends[1])
        print(f"{name}: {count} replicas differ from one by {apart}")
        assert ends[count]["apart"] == 0
        exact = case.dtype == "float64"
        assert apart["alpha"] < (1e-8 if exact else 1e-4)
        if exact:
            assert apart["weights"] < 1e-7
            assert apart["log"] < 1e-6  # kept in float32


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rounded", "rounded_whole"])
def test_replicas_differ_as_roundings_do(name, tmp_path):
    """In float32 kinks and Adam magnify roundings, of one device too.

    So the measure is one device whose weights start one rounding away: after
    the first step nothing is magnified, after the last the order is the same.
    """
    case = distributed_steps.CASES[name]
    one = end(name, 1, tmp_path)
    moved = way(end(name, 1, tmp_path, "moved"), one)
    for count in case.replicas[1:]:
        many = end(name, count, tmp_path)
        apart = way(many, one)
        for step, (ours, theirs) in enumerate(zip(apart, moved, strict=True)):
            print(
                f"{name}, step {step + 1}: {count} replicas {ours:.1e}, "
                f"roundings {theirs:.1e}"
            )
        assert many["apart"] == 0
        assert apart[0] < 1e-6
        assert apart[-1] < 10 * moved[-1]


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_replicas_share_what_is_traced(count, tmp_path):
    """However many they are and however many networks a process has."""
    one, many = (
        program("shared_layers.py", str(n), out=tmp_path / f"{n}.npz")
        for n in (1, count)
    )
    assert many.pop("times") == one.pop("times")
    assert one.keys() == many.keys()
    for name, gradient in one.items():
        assert np.abs(gradient).max() > 0.1, name
        assert np.abs(gradient - many[name]).max() < 1e-12, name


def end(name, count, folder, *moved):
    """What a search in a process of its own ends with."""
    out = folder / "_".join([str(count), *moved, "end.npz"])
    words = ["distributed_steps.py", name, str(count)]
    return program(*words, out=out, more=moved)


def program(*words, out, more=()):
    """What a program that writes arrays writes."""
    program = [sys.executable, str(HERE / words[0]), *words[1:]]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
    done = preloaded.run([*program, str(out), *more], env=environment)
    assert done.returncode == 0, done.stderr
    return arrays(out)


def farthest(one, other):
    """The largest difference of each kind of number."""
    assert one.keys() == other.keys()
    apart = {"alpha": 0.0, "weights": 0.0, "log": 0.0}
    for path in one.keys() - {"apart"}:
        kind = "alpha" if path.startswith(ALPHA) else "weights"
        kind = "log" if path.startswith("log/") else kind
        apart[kind] = max(apart[kind], np.abs(one[path] - other[path]).max())
    return apart


def way(one, other):
    """The largest difference in alpha after each step."""
    steps = sum(path.startswith(ALPHA) for path in one)
    paths = [f"{ALPHA} after {step + 1} steps" for step in range(steps)]
    return [np.abs(one[path] - other[path]).max() for path in paths]
