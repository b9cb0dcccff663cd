"""`--tune`: trials judged on held-out images, killed, resumed, concluded."""

import csv
import dataclasses
import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import preloaded
import pytest

from tfnas import data, methods, search, train
from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.methods.method import Method
from tfnas.runs import trials
from tfnas.search import tune as tuning
from tfnas.train.recipe import Recipe
from tfnas.train.tune import training_ranges, tune_training

ROOT = Path(__file__).parents[1]
TRAIN = [
    f"--genotype={ROOT / 'tests' / 'small_genotype.json'}",
    "--channels=2",
    "--cells=3",
    "--epochs=2",
    "--warmup_epochs=0",
    "--batch_size=50",
    "--train_images=150",
]
SEARCH = {
    "operations": ("max_pool_3x3", "skip_connect"),
    "channels": 2,
    "cells": (3,),
    "nodes": 1,
    "epochs": 1,
    "batch_size": 50,
    "train_images": 100,
    "tune_epochs": 2,
    "deterministic": False,
}
needs_tuner = pytest.mark.skipif(
    trials.importlib.util.find_spec("keras_tuner") is None,
    reason="KerasTuner is not installed",
)


def rows(folder):
    with open(folder / "trials.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def best(folder):
    return json.loads((folder / "best.json").read_text(encoding="utf-8"))


# === Before anything runs ===


def test_ranges_hold_what_they_start_from():
    ranges = training_ranges(Recipe(), "darts")
    names = [each.name for each in ranges]
    assert names == ["learning_rate", "weight_decay", "drop_path"]
    ranges += tuning.search_ranges(methods.get("fair_darts"))
    ranges += tuning.search_ranges(methods.get("pdarts"))
    assert {each.name for each in ranges[3:]} == {"threshold", "skip_dropout"}
    for each in ranges:
        assert each.least <= each.start <= each.most < 1
    mobile = training_ranges(Recipe(drop_path=0.0), "mobile")
    assert [each.name for each in mobile] == names[:2]


@pytest.mark.parametrize(
    ("main", "arguments", "message"),
    [
        (search.main, ["--method=darts", "--tune=3"], "--tune: method darts"),
        (search.main, ["--method=fair_darts", "--tune=-1"], "--tune=-1: use 0"),
        (
            search.main,
            ["--method=fair_darts", "--space=mobile", "--tune=2"],
            "--space=mobile is not tuned",
        ),
        (
            train.main,
            ["--genotype=PDARTS", "--tune=2", "--learning_rate=0"],
            "--learning_rate=0: --tune tries its multiples",
        ),
        (train.main, ["--genotype=PDARTS", "--tune=-2"], "use 0 or more"),
    ],
)
def test_what_cannot_be_tuned_is_one_line(main, arguments, message):
    with pytest.raises(UserError, match=message):
        main(["tfnas", *arguments])


def test_a_missing_tuner_is_one_line(monkeypatch):
    monkeypatch.setattr(trials.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'tfnas\[tune\]'"):
        train.main(["train", "--genotype=PDARTS", "--tune=2"])


# === Trainings ===


@needs_tuner
def test_a_killed_tuning_goes_on_and_says_what_to_type(tmp_path):
    folder = tmp_path / "tuned"
    words = [sys.executable, "-m", "tfnas.train", *TRAIN, f"--out={folder}"]
    process = preloaded.Process(
        [*words, "--tune=3"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    try:
        # The second trial is under way.
        while not (folder / "trial_1" / "checkpoints" / "000000").exists():
            assert process.poll() is None, "the tuning ended by itself"
            time.sleep(0.002)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    (before,) = rows(folder)
    done = preloaded.run([*words, "--tune=3", "--resume"], cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "Resuming after epoch 1." in done.stdout
    table = rows(folder)
    assert [row["trial"] for row in table] == ["1", "2", "3"]
    assert table[0] == before
    # The first trial is the recipe as it was.
    assert float(before["learning_rate"]) == 0.05
    assert float(before["drop_path"]) == 0
    found = best(folder)
    accuracies = [float(row["valid_accuracy"]) for row in table]
    assert found["valid_accuracy"] == max(accuracies)
    record = json.loads((folder / "trial_0" / "config.json").read_text())
    assert record["data"]["valid"] == 30
    assert not list(folder.rglob("confusion.csv"))  # nothing was tested
    assert found["next_command"] in done.stdout
    _, _, module, *flags = shlex.split(found["next_command"])
    assert module == "tfnas.train"
    given = command.parse(["train", *flags], train.TrainConfig, Recipe)
    _, recipe, _ = train.resolve(given)
    assert given.keys().isdisjoint({"tune", "out", "resume"})
    for name, value in found["values"].items():
        assert getattr(recipe, name) == value
    assert recipe.channels == 2


class Guarded(np.ndarray):
    def __getitem__(self, _):
        raise AssertionError("the tuning read the test images")

    __array__ = __array_ufunc__ = __array_function__ = __getitem__


@pytest.fixture
def guarded(monkeypatch):
    """Test images that cannot be read."""
    load = data.load

    def loaded(*arguments, **named):
        dataset = load(*arguments, **named)
        images = dataset.test.images.view(Guarded)
        test = dataclasses.replace(dataset.test, images=images)
        return dataclasses.replace(dataset, test=test)

    monkeypatch.setattr(data, "load", loaded, raising=False)


@needs_tuner
def test_a_diverged_trial_is_worth_nothing_and_the_rest_goes_on(
    tmp_path, monkeypatch, guarded, capsys
):
    from tfnas.runs.callbacks import Diverged
    from tfnas.train import run as train_run

    seen = []

    def validate(config, recipe, genotype, dataset, strategy):
        seen.append(recipe.learning_rate)
        if len(seen) == 2:
            raise Diverged("epoch 1: loss is nan")
        return 0.5

    monkeypatch.setattr(train_run, "validate", validate)
    given = {"genotype": "PDARTS", "tune": 4, "out": str(tmp_path / "tuned")}
    tune_training(*train.resolve(given), given)
    table = rows(tmp_path / "tuned")
    scores = [float(row["valid_accuracy"]) for row in table]
    assert scores == [0.5, 0, 0.5, 0.5]
    assert len(set(seen)) == 4
    assert "loss is nan" in capsys.readouterr().out
    # More trials may be asked for afterwards; those there are not repeated.
    given |= {"tune": 5, "resume": True}
    tune_training(*train.resolve(given), given)
    assert len(rows(tmp_path / "tuned")) == len(seen) == 5
    # Of equal trials the first one is best: the recipe as it was.
    values = best(tmp_path / "tuned")["values"]
    assert values["learning_rate"] == seen[0] == 0.05


@needs_tuner
def test_other_errors_stop_a_tuning(tmp_path, monkeypatch):
    from tfnas.train import run as train_run

    def validate(*_):
        raise UserError("disk: no space left")

    monkeypatch.setattr(train_run, "validate", validate)
    given = {"genotype": "PDARTS", "tune": 2, "out": str(tmp_path / "tuned")}
    with pytest.raises(UserError, match="disk: no space left"):
        tune_training(*train.resolve(given), given)


# === Searches ===


@needs_tuner
def test_thresholds_share_one_search(tmp_path, guarded):
    folder = tmp_path / "tuned"
    given = {"method": "fair_darts", "tune": 3, "out": str(folder), **SEARCH}
    flags = tuning.tune_search(*search.resolve(given), given)
    assert 0.5 <= flags["threshold"] <= 0.95
    assert [path.name for path in folder.glob("search*")] == ["search"]
    assert 1 <= len(list(folder.glob("network_*"))) <= 3
    assert len(rows(folder)) == 3
    _, _, module, *words = shlex.split(best(folder)["next_command"])
    given = command.parse(["search", *words], search.SearchConfig, Method)
    _, method = search.resolve(given)
    assert (module, method.threshold) == ("tfnas.search", flags["threshold"])


@needs_tuner
def test_a_threshold_derives_what_a_search_with_it_would(tmp_path):
    from tfnas.search import run as search_run

    given = {"method": "fair_darts", "out": str(tmp_path / "run"), **SEARCH}
    del given["tune_epochs"]
    config, method = search.resolve(given)
    found = search_run.search(config, method, ["search"])
    again = tuning.derived_again(tmp_path / "run", method, {})
    assert again.cells == found.cells
    alphas = np.load(tmp_path / "run" / "alphas.npz")["stage0/alphas_normal"]
    sigmoids = 1 / (1 + np.exp(-alphas[-1].astype(np.float64)))
    between = float(np.sort(sigmoids.max(1))[-2:].mean())
    lower = method.with_flags({"threshold": between})
    cell = tuning.derived_again(tmp_path / "run", lower, {}).normal
    assert len(cell.edges) == 1
    assert isinstance(found, Genotype)


@needs_tuner
def test_each_skip_dropout_has_a_search_of_its_own(tmp_path, monkeypatch):
    from tfnas.search import run as search_run
    from tfnas.train import run as train_run

    searched, judged = [], []
    stored = ROOT / "zoo" / "genotypes" / "darts_digits.json"

    def fake_search(config, method, argv):
        searched.append(method.skip_dropout)
        folder = Path(config.out)
        folder.mkdir()
        (folder / "genotype.json").write_text(stored.read_text())
        (folder / "summary.json").write_text("{}")

    def validate(config, recipe, genotype, dataset, strategy, halves):
        expected = data.search_halves(dataset, "stratified", config.seed)
        for half, other in zip(halves, expected, strict=True):
            assert half.tolist() == other.tolist()
        judged.append(config.valid_images)
        return 0.1 * len(judged)

    monkeypatch.setattr(search_run, "search", fake_search)
    monkeypatch.setattr(train_run, "validate", validate)
    given = {"method": "pdarts", "tune": 3, "out": str(tmp_path / "tuned")}
    flags = tuning.tune_search(*search.resolve(given), given)
    assert searched[0] == (0.0, 0.4, 0.7)
    assert len(set(searched)) == 3
    for first, second, third in searched:
        assert first == 0
        assert second == pytest.approx(third * 4 / 7, abs=1e-3)
    assert flags["skip_dropout"] == searched[2]
    assert judged == [719] * 3  # the half that trained alpha
