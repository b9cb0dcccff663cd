"""A folder as people have it, from the search to what is exported."""

import contextlib
import io
import itertools
import json
import shutil

import numpy as np
import pytest
from PIL import Image
from small_runs import search_here

from tfnas.search import run as search_run
from tfnas.train import resolve
from tfnas.train import run as train_run

CLASSES = ("grüne Wiese", "red tulip & co", "🌷")
COUNTS = (18, 1, 6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes of unequal size, hidden folders and files not read."""
    root = tmp_path_factory.mktemp("flowers")
    random = np.random.default_rng(0)
    for name, count in zip(CLASSES, COUNTS, strict=True):
        for split, number in itertools.product(("train", "test"), range(count)):
            path = root / split / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = random.integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(path)
    shutil.rmtree(root / "test" / CLASSES[1])
    first = root / "train" / CLASSES[0]
    shutil.copytree(first, root / "train" / ".ipynb_checkpoints")
    shutil.copytree(first, root / "test" / "__MACOSX")
    (first / "notes.heic").touch()
    return root


@pytest.fixture(scope="module")
def runs(folder, tmp_path_factory):
    """The folders of a search and of the training of what it found."""
    home = tmp_path_factory.mktemp("runs")
    data = {"dataset": "image_folder", "data_dir": str(folder)}
    search_here(home / "search", **data, train_images=None, epochs=1)
    given = {"genotype": str(home / "search"), "out": str(home / "trained")}
    given |= {"channels": 2, "cells": 3, "epochs": 1, "warmup_epochs": 0}
    given |= {"deterministic": False}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        train_run.train(*resolve(given), ["train"])
    (home / "said.txt").write_text(said.getvalue(), encoding="utf-8")
    return home


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_each_part_of_a_search_and_a_training_knows_the_classes(runs, folder):
    for name in ("search", "trained"):
        config = read(runs / name / "config.json")
        assert tuple(config["data"]["classes"]) == CLASSES
        assert config["config"]["data_dir"] == str(folder)
    page = (runs / "trained" / "report.html").read_text(encoding="utf-8")
    for name in ("grüne Wiese", "red tulip &amp; co", "🌷"):
        assert name in page
    table = (runs / "trained" / "confusion.csv").read_text(encoding="utf-8")
    assert table.splitlines()[0] == "class," + ",".join(CLASSES)


def test_data_and_what_they_lack_are_said_before_an_epoch(
    folder, tmp_path, capsys, monkeypatch
):
    class Stopped(Exception):
        pass

    def stop(search):
        raise Stopped

    monkeypatch.setattr(search_run._Search, "_fit", stop)
    data = {"dataset": "image_folder", "data_dir": str(folder)}
    with pytest.raises(Stopped):
        search_here(tmp_path / "run", **data, train_images=13)
    lines = capsys.readouterr().out.splitlines()
    said = [
        f"{folder.name}: 1 file not read: 1 .heic",
        f"Data: {folder.name} in {folder}, 13 of 25 training images of 3 "
        "classes, 8x8x3; on the CPU",
    ]
    assert [line for line in lines if line in said] == said
    missing = [line for line in lines if "Missing" in line]
    assert len(missing) == 1
    # Its one picture trains either the weights or alpha.
    assert missing[0].count(CLASSES[1]) == 1


def test_a_training_says_what_the_test_images_lack(runs):
    said = (runs / "said.txt").read_text(encoding="utf-8")
    assert f"the test images without {CLASSES[1]}" in said


@pytest.mark.slow
def test_what_was_trained_on_it_is_exported_with_its_classes(runs, tmp_path):
    from tfnas import export

    flags = [f"--run={runs / 'trained'}", f"--out={tmp_path / 'served'}"]
    export.main(["export", *flags, "--name=flowers"])
    labels = (tmp_path / "served" / "labels.txt").read_text(encoding="utf-8")
    assert tuple(labels.splitlines()) == CLASSES
