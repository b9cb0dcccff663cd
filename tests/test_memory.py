"""The memory estimate against peaks of processes that searched."""

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from memory_peak import candidates

from tfnas import cost, methods
from tfnas.search.plan import available_memory, memory_lines
from tfnas.spaces.attention import PLACEMENTS

ROOT = Path(__file__).parents[1]
# Method, channels, cells, image size, batch, candidates an edge (0: all), and
# the gigabytes that `memory_peak.py` measured: TensorFlow 2.21, two cores.
PEAKS = [
    ("darts", 4, 3, 8, 16, 0, 1.31),
    ("darts", 4, 3, 32, 64, 0, 1.96),
    ("darts", 8, 5, 16, 16, 0, 1.72),
    ("darts", 16, 8, 8, 64, 0, 2.36),
    ("darts", 8, 5, 32, 64, 0, 3.28),
    ("darts", 16, 8, 32, 16, 0, 3.36),
    ("pdarts", 16, 11, 16, 32, 5, 3.26),
    ("pdarts", 16, 17, 16, 32, 3, 3.61),
    ("att_darts", 8, 5, 16, 16, 0, 3.61),
    ("darts", 16, 5, 16, 64, 0, 2.48),
]


def estimate(method, channels, cells, size, batch, kept):
    values = methods.get(method)
    placement = PLACEMENTS[values.attention]
    memory = cost.search_memory(
        candidates(method, kept),
        input_shape=(size, size, 3),
        channels=channels,
        cells=cells,
        edge_attentions=placement.second,
        cell_attentions=placement.end,
        partial=values.partial_channels,
    )
    return memory.peak(batch) / 1e9


@pytest.mark.parametrize("row", PEAKS, ids=str)
def test_the_estimate_is_within_a_quarter_of_the_peak(row):
    *search, peak = row
    assert estimate(*search) == pytest.approx(peak, rel=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("row", [PEAKS[0], PEAKS[5]], ids=str)
def test_a_peak_is_measured_again(row):
    *search, _ = row
    done = subprocess.run(
        [sys.executable, "tests/memory_peak.py", *map(str, search)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    peak = int(done.stdout.split()[-1]) / 1e9
    assert estimate(*search) == pytest.approx(peak, rel=0.25)


# === What a search says ===

DATASET = types.SimpleNamespace(image_shape=(32, 32, 3), classes=range(10))


def test_a_search_that_fits_says_nothing():
    assert memory_lines(methods.get("darts"), DATASET, 64e9) == []


@pytest.mark.parametrize("name", ["darts", "pdarts", "att_darts"])
def test_the_largest_batch_that_fits_is_named(name):
    method = methods.get(name).with_flags({"batch_size": 512})
    (line,) = memory_lines(method, DATASET, 24e9)
    largest = int(line.rpartition("--batch_size=")[2])

    def lines(batch_size):
        fitting = method.with_flags({"batch_size": batch_size})
        return memory_lines(fitting, DATASET, 24e9)

    assert 0 < largest < 512
    assert not lines(largest)
    assert lines(largest + 1)


def test_a_machine_that_is_too_small_for_any_batch_is_told_so():
    (line,) = memory_lines(methods.get("darts"), DATASET, 1e9)
    assert "not even --batch_size=1" in line


def test_the_available_memory_holds_this_process():
    status = Path("/proc/self/status").read_text()
    resident = int(status.partition("VmRSS:")[2].split()[0]) * 1024
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert resident / 2 < available_memory() < total * 1.1
