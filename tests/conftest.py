"""Fixtures that the tests share."""

import functools
import gc
import json
import math
from pathlib import Path

import numpy as np
import pytest

PACKED = Path(__file__).parent / "golden"
# A checkout may stand beside the complete vectors, which are too large here.
WHOLE = Path(__file__).parents[2] / "shared" / "golden"


@pytest.fixture(scope="module", autouse=True)
def _free_memory():
    """Networks and their traced functions are cycles of gigabytes."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def golden():
    """Outputs of the methods' authors' own code (see tests/golden/README.md).

    Returns:
        A function from a file's name to its content: the parsed JSON, or a
        dict of read-only arrays by name. Skips the test without the file.
    """
    return _load


@functools.cache
def _load(name):
    for folder in (PACKED, WHOLE):
        path = folder / name
        if path.is_file():
            if path.suffix == ".json":
                return json.loads(path.read_text())
            return _arrays(path)
    pytest.skip(f"golden vectors {name} are in neither {PACKED} nor {WHOLE}")


def _arrays(path):
    with np.load(path, allow_pickle=False) as file:
        stored = {name: file[name] for name in file.files}
    for array in stored.values():
        array.flags.writeable = False
    if "index" not in stored:
        return stored
    return {
        name: stored[dtype][start : start + math.prod(shape)].reshape(shape)
        for name, dtype, start, shape in json.loads(str(stored["index"]))
    }
