"""Searches of seconds: two operations, two channels, four steps an epoch."""

import contextlib
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import preloaded
import pytest

ROOT = Path(__file__).parents[1]
GIVEN = {
    "operations": ("max_pool_3x3", "skip_connect"),
    "channels": 2,
    "cells": (3,),
    "nodes": 1,
    "epochs": 2,
    "batch_size": 16,
    "train_images": 128,
}
# What TensorFlow may say about itself whatever its log level is.
NOTES = ("WARNING: All log messages before", "I0000", "W0000")


def words(folder, **flags):
    """The command of such a search."""
    from tfnas.cli.command import typed

    given = {**GIVEN, **flags, "out": folder}
    return [sys.executable, "-m", "tfnas.search", *typed(given)]


def run(folder, **flags):
    """Run such a search as a command; returns the finished process."""
    return preloaded.run(words(folder, **flags), cwd=ROOT, timeout=300)


def error(done):
    """The one line of a command that failed as it should."""
    lines = [x for x in done.stderr.splitlines() if not x.startswith(NOTES)]
    assert done.returncode == 1, done.stderr
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0].removeprefix("error: ")


def search_here(folder, **flags):
    """Run such a search in this process, which must stay as it is."""
    from tfnas.search import resolve
    from tfnas.search import run as search_run

    given = {**GIVEN, "deterministic": False, **flags, "out": str(folder)}
    return search_run.search(*resolve(given), argv=["search"])


def newest(folder):
    """The newest checkpoint of a run."""
    numbers = [
        p for p in (folder / "checkpoints").iterdir() if p.name.isdigit()
    ]
    return max(numbers, key=lambda path: int(path.name))


def digest(folder):
    """A hash of the newest checkpoint's name and content."""
    path = newest(folder)
    found = hashlib.sha256(path.name.encode())
    for name in ("state.npz", "state.json"):
        found.update((path / name).read_bytes())
    return found.hexdigest()


def arrays(path):
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def assert_same_end(folder, whole):
    """Alphas of every epoch, weights and genotype, bit for bit."""
    for name in ("alphas.npz", "checkpoint"):
        one, two = (
            arrays(
                newest(f) / "state.npz" if name == "checkpoint" else f / name
            )
            for f in (folder, whole)
        )
        assert one.keys() == two.keys()
        for key, array in two.items():
            assert np.array_equal(one[key], array), key
    name = "genotype.json"
    assert (folder / name).read_bytes() == (whole / name).read_bytes()


@contextlib.contextmanager
def disk(folder, *options):
    """A file system of its own at a folder, or a skipped test."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs"]
    done = subprocess.run([*mount, str(folder)], capture_output=True)
    if os.geteuid() or done.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder):
    """Write a file until nothing more fits; returns its path."""
    path = folder / "filler"
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return path
