"""Runs that go on keep their values; trainings take the data of a search."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tfnas import baseline, search, train
from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.runs import earlier, recorded
from tfnas.runs.folder import Folder
from tfnas.sweep import config as sweep

# Of each command: what is typed first, and the part with its own values.
COMMANDS = {
    "search": ({"method": "pdarts", "epochs": 3, "cells": (3, 4, 5)}, "method"),
    "train": ({"genotype": "PDARTS", "epochs": 50, "cutout": 3}, "recipe"),
    "baseline": ({"name": "evolution", "space": "nasbench201"}, "recipe"),
}
RESOLVE = {
    m.__name__.split(".")[1]: m.resolve for m in (search, train, baseline)
}


def record(kind, given):
    """What config.json says of a run, and where the run is."""
    config, *values = RESOLVE[kind](given)
    return config.out, config.decisive(*values)


def begin(folder, kind, **given):
    out, content = record(
        kind, {**COMMANDS[kind][0], **given, "out": str(folder)}
    )
    with Folder(out, content) as run:
        if kind == "train":
            run.write_json("genotype.json", content["genotype"])
    return folder


def age(folder):
    """Makes a run one of before there was --halves."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for part in ("method", "recipe"):
        config.get(part, {}).pop("halves", None)
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_run_that_goes_on_keeps_what_is_not_typed(tmp_path, kind):
    folder = begin(tmp_path / "run", kind, seed=4, train_images=60)
    typed = {"out": str(folder), "resume": True}
    out, content = record(kind, typed)
    assert Folder(out, content, resume=True).check()
    out, content = record(kind, {**typed, "seed": 5})
    with pytest.raises(
        UserError, match="with other values: config.seed was 4, now 5$"
    ):
        Folder(out, content, resume=True).check()


@pytest.mark.parametrize("kind", COMMANDS)
def test_an_older_run_goes_on_in_index_order(tmp_path, kind):
    folder = begin(tmp_path / "run", kind, halves="index")
    age(folder)
    typed = {"out": str(folder), "resume": True}
    out, content = record(kind, typed)
    assert content[COMMANDS[kind][1]]["halves"] == "index"
    assert Folder(out, content, resume=True).check()
    # As its command was typed then, too.
    out, content = record(kind, {**COMMANDS[kind][0], **typed})
    assert Folder(out, content, resume=True).check()
    out, content = record(kind, {**typed, "halves": "stratified"})
    with pytest.raises(UserError, match="halves was 'index', now 'stratified'"):
        Folder(out, content, resume=True).check()


def test_what_an_older_recipe_lacks_was_left_out():
    """Every key that came later has the value that changes nothing."""
    past = Path(__file__).parent / "past" / "training"
    then = json.loads((past / "config.json").read_text())["recipe"]
    now = earlier.read(past)["recipe"]
    assert now.keys() == train.Recipe().values().keys()
    assert {k: now[k] for k in then} == then
    defaults = json.loads(json.dumps(train.Recipe().values()))
    for name in now.keys() - then.keys():
        assert now[name] == defaults[name], name


def test_a_tuning_keeps_only_what_could_not_be_typed(tmp_path):
    """Its flags are typed again, for the command that it ends with."""
    folder = begin(tmp_path / "run", "search", halves="index")
    age(folder)
    typed = {"method": "pdarts", "out": str(folder), "resume": True, "tune": 3}
    method = search.resolve(typed)[1]
    assert (method.halves, method.epochs) == ("index", 5)


def test_on_several_hosts_nothing_is_taken_from_a_folder(tmp_path, monkeypatch):
    """The others do not have it, and would go on with other values."""
    folder = begin(tmp_path / "run", "search")
    workers = {"worker": ["a:1", "b:1"]}
    task = {"type": "worker", "index": 0}
    monkeypatch.setenv(
        "TF_CONFIG", json.dumps({"cluster": workers, "task": task})
    )
    typed = {"method": "pdarts", "out": str(folder), "resume": True}
    assert search.resolve(typed)[1].epochs == 5


@pytest.mark.parametrize(
    ("kind", "preset", "halves"),
    [
        ("search", "quick", "stratified"),
        ("search", "paper", "index"),
        ("search", "cifar100", "index"),
        ("train", "quick", "stratified"),
        ("train", "small", "stratified"),
        ("train", "fast", "stratified"),
        ("train", "paper", "index"),
        ("train", "imagenet", "index"),
        ("baseline", "quick", "stratified"),
    ],
)
def test_presets_of_the_authors_split_by_index(kind, preset, halves):
    name, value = next(iter(COMMANDS[kind][0].items()))
    given = {name: value, "preset": preset}
    assert RESOLVE[kind](given)[1].halves == halves
    for typed in ("index", "stratified"):
        assert RESOLVE[kind]({**given, "halves": typed})[1].halves == typed


# === A training's data ===


@pytest.fixture
def searched(tmp_path):
    """A finished search of a folder of images."""
    images = tmp_path / "flowers"
    for place in ("train/a", "train/b", "test/a"):
        (images / place).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(images / place / "1.png")
    data = {"dataset": "image_folder", "data_dir": str(images), "image_size": 8}
    folder = begin(tmp_path / "run", "search", **data, train_images=2)
    genotype = train.resolve({"genotype": "PDARTS"})[2]
    (folder / "genotype.json").write_text(genotype.to_json())
    return folder, data


def data_of(**given):
    config = train.resolve({"genotype": "PDARTS", **given})[0]
    names = ("dataset", "data_dir", "image_size", "train_images")
    return {name: getattr(config, name) for name in names}


@pytest.mark.parametrize("file", ["", "genotype.json"])
def test_a_training_takes_the_data_of_its_search(searched, file):
    folder, data = searched
    data["train_images"] = None
    assert data_of(genotype=str(folder / file)) == data
    assert data_of(weights=str(folder / file)) == data
    assert data_of(genotype=str(folder), image_size=16)["image_size"] == 16
    elsewhere = {"data_dir": "elsewhere"}
    assert data_of(genotype=str(folder), **elsewhere) == data | elsewhere


def test_a_training_takes_other_data_where_they_are_named(searched):
    folder, _ = searched
    digits = dict.fromkeys(("data_dir", "image_size", "train_images"))
    digits["dataset"] = "digits"
    assert data_of(genotype=str(folder), dataset="digits") == digits
    assert data_of(genotype="PDARTS") == digits


def test_that_all_images_are_taken_is_said(searched):
    folder, _ = searched
    line = earlier.data_note(str(folder), {})
    assert line == (
        f"{folder} used 2 training images; this run uses all "
        "(--train_images=2 uses as many)"
    )
    for given in ({"train_images": 2}, {"dataset": "digits"}):
        assert earlier.data_note(str(folder), given) is None
    assert earlier.data_note("PDARTS", {}) is None


def test_images_that_are_gone_are_one_line(searched):
    folder, data = searched
    images = folder.parent / "flowers"
    images.rename(folder.parent / "moved")
    with pytest.raises(UserError, match=f"{images}, which is missing; name"):
        data_of(genotype=str(folder))
    moved = {"data_dir": str(folder.parent / "moved")}
    expected = {**data, **moved, "train_images": None}
    assert data_of(genotype=str(folder), **moved) == expected
    assert data_of(genotype=str(folder), dataset="digits")["data_dir"] is None


def test_a_recorded_command_names_the_data_that_were_taken(searched):
    """It is typed where the search's folder is not."""
    folder, _ = searched
    config = vars(train.resolve({"genotype": str(folder)})[0])
    typed = ["python", "-m", "tfnas.train", f"--genotype={folder}"]
    assert recorded.record(train.TrainConfig, typed, "NAME", config) == (
        "python -m tfnas.train --genotype=NAME --dataset=image_folder "
        "--data_dir=DIR --image_size=8"
    )


def test_a_recorded_command_of_an_older_run_splits_as_it_did(tmp_path):
    folder = begin(tmp_path / "run", "search", halves="index")
    age(folder)
    config = json.loads((folder / "config.json").read_text())
    config["command"] = ["python", "-m", "tfnas.search", "--method=pdarts"]
    line = recorded.record(search.SearchConfig, earlier.typed(config))
    assert line == "python -m tfnas.search --method=pdarts --halves=index"
    config["method"]["halves"] = "stratified"
    line = recorded.record(search.SearchConfig, earlier.typed(config))
    assert "halves" not in line


def test_a_sweep_passes_the_rule_on():
    given = {"halves": "index", "seeds": (0, 1)}
    for task in sweep.resolve(given)[1]:
        assert "--halves=index" in command.typed(task.search)
