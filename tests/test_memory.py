"""The memory estimates against peaks of processes that ran."""

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from memory_peak import candidates

from tfnas import cost, methods, zoo
from tfnas.devices import free_memory
from tfnas.errors import UserError
from tfnas.runs import memory
from tfnas.search.plan import memories
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


# === Trainings ===

# Genotype, channels, cells, image size, batch, stem, and the gigabytes that
# `training_peak.py` measured.
TRAINED = [("DARTS_V2", 16, 20, 32, 64, "cifar", 3.1)]


@pytest.mark.parametrize("row", TRAINED, ids=str)
def test_a_training_s_estimate_is_within_a_quarter_of_the_peak(row):
    genotype, channels, cells, size, batch, stem, peak = row
    found = cost.training_memory(
        zoo.genotype(genotype),
        input_shape=(size, size, 3),
        channels=channels,
        cells=cells,
        stem=stem,
    )
    assert found.peak(batch) / 1e9 == pytest.approx(peak, rel=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("row", TRAINED[:2], ids=str)
def test_a_training_s_peak_is_measured_again(row):
    *words, peak = row
    done = subprocess.run(
        [sys.executable, "tests/training_peak.py", *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    measured = int(done.stdout.split()[-1]) / 1e9
    assert measured == pytest.approx(peak, rel=0.25)


# === What a run says ===

DATASET = types.SimpleNamespace(image_shape=(32, 32, 3), classes=range(10))


def checked(method, free, total=64e9, force=False, dataset=DATASET):
    return memory.check(
        "search",
        memories(method, dataset),
        method,
        dataset.image_shape,
        available=free,
        total=total,
        force=force,
    )


def test_a_run_that_fits_says_nothing():
    assert checked(methods.get("darts"), 64e9) == []


@pytest.mark.parametrize("name", ["darts", "pdarts", "att_darts"])
def test_the_largest_batch_that_fits_is_named(name):
    method = methods.get(name).with_flags({"batch_size": 512})
    (line,) = checked(method, 24e9, 1e12)
    largest = int(line.rpartition("--batch_size=")[2])

    def lines(batch_size):
        fitting = method.with_flags({"batch_size": batch_size})
        return checked(fitting, 24e9, 1e12)

    assert 0 < largest < 512
    assert not lines(largest)
    assert lines(largest + 1)


def test_a_machine_that_is_too_small_for_any_batch_is_told_so():
    (line,) = checked(methods.get("darts"), 1e9)
    assert "not even --batch_size=1" in line
    assert line.endswith("lower --channels or --cells")


def test_large_images_are_told_of_a_smaller_map():
    large = types.SimpleNamespace(image_shape=(128, 128, 3), classes=range(3))
    (line,) = checked(methods.get("darts"), 8e9, 1e12, dataset=large)
    assert "use --stem=imagenet or a smaller --image_size" in line
    imagenet = methods.get("darts").with_flags({"stem": "imagenet"})
    assert checked(imagenet, 8e9, 1e12, dataset=large) == []


def test_what_exceeds_the_machine_stops_unless_it_is_forced():
    method = methods.get("darts").with_flags({"batch_size": 512})
    with pytest.raises(UserError) as error:
        checked(method, 4e9, 16e9)
    said = str(error.value)
    assert said.startswith("--batch_size=512: this search takes about ")
    assert "the machine has 16.0 GB" in said
    assert said.endswith("; --force starts anyway")
    largest = int(said.split("--batch_size=")[2].split(";")[0])
    assert checked(method.with_flags({"batch_size": largest}), 16e9) == []
    (line,) = checked(method, 4e9, 16e9, force=True)
    assert line.startswith("Memory: this search takes about ")


def test_a_space_without_an_estimate_says_nothing():
    method = methods.get("darts").with_flags({"space": "nasbench201"})
    assert checked(method, 1, 1) == []


@pytest.mark.parametrize("command", ["search", "train"])
def test_the_command_stops_before_it_builds_a_network(
    command, monkeypatch, tmp_path
):
    """And the same command with --force gets further."""
    from tfnas import search, train

    class BuildingError(Exception):
        pass

    def build(*_, **__):
        raise BuildingError

    given = {"train_images": 20, "epochs": 1, "deterministic": False}
    given["out"] = str(tmp_path / "run")
    if command == "search":
        from tfnas.search import run

        home = run
        monkeypatch.setattr(run, "build_supernet", build)
    else:
        from tfnas.train import run
        from tfnas.train import start as home

        given["genotype"] = "DARTS_V2"
        monkeypatch.setattr(run, "build_network", build)
    monkeypatch.setattr(home, "total_memory", lambda: 1e8)
    monkeypatch.setattr(home, "available_memory", lambda: 1e8)
    resolve = {"search": search.resolve, "train": train.resolve}[command]
    start = getattr(run, command)
    with pytest.raises(UserError, match="the machine has 0.1 GB"):
        start(*resolve(given), [])
    assert not (tmp_path / "run").exists()
    with pytest.raises(BuildingError):
        start(*resolve({**given, "force": True}), [])


def test_the_memory_that_is_there_holds_this_process():
    status = Path("/proc/self/status").read_text()
    resident = int(status.partition("VmRSS:")[2].split()[0]) * 1024
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert resident / 2 < free_memory.available_memory() < total * 1.1
    assert free_memory.available_memory() < free_memory.total_memory() * 1.1
    assert free_memory.total_memory() <= total * 1.1
