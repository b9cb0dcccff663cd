"""Which images are trained on and which are tested, however they are given."""

import collections
import csv
import itertools
import os
import shutil

import numpy as np
import pytest
from PIL import Image
from small_runs import search_here

from tfnas import data, train
from tfnas.data.listing import find
from tfnas.data.request import check_request
from tfnas.errors import UserError
from tfnas.runs.reading import read_run
from tfnas.train import run as train_run

BOTH = pytest.mark.parametrize("augmentation", ["cifar", "imagenet"])


def write(path, number=0):
    """A picture of 8x8 pixels of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = (number % 256, number // 256, 7)
    Image.new("RGB", (8, 8), colour).save(path)


def flat(root, **counts):
    """A folder of class folders alone, with so many pictures each."""
    number = itertools.count()
    for name, count in counts.items():
        for place in range(count):
            write(root / name / f"{place:03}.png", next(number))
    return root


def names(files, root):
    return [os.path.relpath(path, root) for path, _ in files]


def refusal(**given):
    with pytest.raises(UserError) as error:
        check_request("image_folder", **given)
    assert "\n" not in str(error.value)
    return str(error.value)


# === Folders ===


@pytest.mark.parametrize(
    ("train_name", "test_name"),
    [
        *(("Train", "Test"), ("TRAIN", "val"), ("train", "valid")),
        *(("train", "VALIDATION"), ("Training", "Testing")),
    ],
)
def test_split_folders_have_names_of_any_case(tmp_path, train_name, test_name):
    for split, count in ((train_name, 3), (test_name, 2)):
        flat(tmp_path / split, cat=count, dog=count)
    found = find(tmp_path)
    assert names(found.train, tmp_path)[0] == f"{train_name}/cat/000.png"
    assert [len(found.train), len(found.test)] == [6, 4]
    assert found.classes == ("cat", "dog") and not found.is_kept
    dataset = data.load("image_folder", tmp_path)
    assert (len(dataset.train), len(dataset.test)) == (6, 4)


def test_of_two_test_folders_one_is_read_and_the_other_is_said(
    tmp_path, capsys
):
    for number, split in enumerate(("train", "test", "val")):
        flat(tmp_path / "pets" / split, cat=2 + number, dog=2)
    dataset = data.load("image_folder", tmp_path / "pets")
    assert len(dataset.test) == 5
    assert "pets: 6 files not read: 6 in val/" in capsys.readouterr().out


def test_a_class_may_be_called_train(tmp_path):
    flat(tmp_path, bus=5, car=5, train=5)
    assert find(tmp_path).classes == ("bus", "car", "train")


def test_folders_that_cannot_be_understood_are_named(tmp_path):
    flat(tmp_path / "a" / "train", cat=2, dog=2)
    flat(tmp_path / "a" / "Train", cat=2, dog=2)
    assert "both" in refusal(data_dir=tmp_path / "a")
    flat(tmp_path / "b" / "test", cat=2, dog=2)
    assert "train/" in refusal(data_dir=tmp_path / "b")
    flat(tmp_path / "c" / "pets" / "train", cat=2, dog=2)
    assert "one level too high" in refusal(data_dir=tmp_path / "c")
    flat(tmp_path / "d", cat=1, dog=1)
    assert "no class has two" in refusal(data_dir=tmp_path / "d")


# === A share of each class ===


@pytest.mark.parametrize("form", ["flat", "train"])
@pytest.mark.parametrize("share", [None, 0.1, 0.5])
def test_a_share_of_each_class_is_tested(tmp_path, form, share):
    root = tmp_path / "pets"
    counts = {"cat": 90, "dog": 20, "emu": 10, "yak": 2, "zebu": 1}
    flat(root if form == "flat" else root / "train", **counts)
    found = find(root, test_share=share, seed=3)
    every = found.train + found.test
    assert len(set(every)) == len(every) == sum(counts.values())
    tested = collections.Counter(found.classes[x] for _, x in found.test)
    assert abs(len(found.test) - (share or 0.2) * len(every)) <= 1
    for name in ("cat", "dog", "emu"):
        assert abs(tested[name] - (share or 0.2) * counts[name]) <= 1
    assert tested["yak"] == 1 and tested["zebu"] == 0
    assert found == find(root, test_share=share, seed=3)
    assert found.test != find(root, test_share=share, seed=4).test


def test_a_share_that_nothing_reads_is_refused(tmp_path):
    for split in ("train", "test"):
        flat(tmp_path / split, cat=2, dog=2)
    message = refusal(data_dir=tmp_path, test_share=0.3)
    assert "--test_share=0.3" in message and "leave it out" in message
    for flag, value in (("test_share", 0.2), ("data_csv", "a.csv")):
        with pytest.raises(UserError, match=f"--{flag}={value}: is for"):
            check_request("digits", **{flag: value})


# === A list ===


def write_list(path, rows, head="path,label,split"):
    path.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    return path


@BOTH
def test_a_list_says_label_and_split(tmp_path, augmentation):
    flat(tmp_path / "pictures", all=6)
    rows = [f"pictures/all/00{i}.png,{'ab'[i % 2]}," for i in range(6)]
    rows = [row + "Test" * (i > 3) for i, row in enumerate(rows)]
    path = write_list(tmp_path / "list.csv", rows)
    given = ("image_folder", None, 8, augmentation, path)
    dataset = data.load(*given)
    assert dataset.classes == ("a", "b")
    assert sorted(dataset.train.labels) == [0, 0, 1, 1]
    assert sorted(dataset.test.labels) == [0, 1]
    # Columns in any order, a spreadsheet's mark, folder of its own.
    moved = tmp_path / "elsewhere" / "list.csv"
    moved.parent.mkdir()
    text = "\ufeffSplit, Label,note,Path\r\n" + "".join(
        f"{split},{label},x,{name}\r\n"
        for name, label, split in (row.split(",") for row in reversed(rows))
    )
    moved.write_text(text, encoding="utf-8")
    again = data.load(*given[:1], tmp_path, 8, augmentation, moved)
    for split in ("train", "test"):
        one, other = getattr(dataset, split), getattr(again, split)
        assert one.labels.tolist() == other.labels.tolist()
        if augmentation == "cifar":
            np.testing.assert_array_equal(one.images, other.images)


def test_a_list_without_splits_is_split_as_a_folder(tmp_path):
    flat(tmp_path, cat=20, dog=10)
    paths = sorted(tmp_path.glob("*/*.png"), reverse=True)
    rows = [f"{p.parent.name}/{p.name},{p.parent.name}" for p in paths]
    path = write_list(tmp_path / "list.csv", rows, "path,label")
    listed, folder = find(tmp_path, path, 0.3, 5), find(tmp_path, None, 0.3, 5)
    assert (listed.train, listed.test) == (folder.train, folder.test)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["name;kind"], "its first line must be path,label"),
        (["path,label", "cat/000.png,"], "line 2: needs a path and a label"),
        (["path,label", "cat/000.png,a", "cat/9.png,b"], "cat/9.png"),
        (["path,label,split", "cat/000.png,a,exam"], "split exam; use train"),
        (["path,label", *["cat/000.png,a"] * 2], "line 3: .* twice"),
        (["path,label", "cat/000.png,a"], r"only one class \(a\)"),
        (["path,label"], "only one class"),
        (
            ["path,label,split", "cat/000.png,a,train", "cat/001.png,b,test"],
            "class b has only test images",
        ),
    ],
)
def test_a_list_that_cannot_be_understood_is_named(tmp_path, rows, words):
    flat(tmp_path, cat=2)
    path = write_list(tmp_path / "list.csv", rows[1:], rows[0])
    with pytest.raises(UserError, match=words) as error:
        find(tmp_path, path)
    assert str(path) in str(error.value)


def test_a_list_that_is_not_there_is_named(tmp_path):
    assert "No such file" in refusal(data_csv=tmp_path / "none.csv")


# === What a run keeps ===


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder, a search of it, and a training of what was found.

    Between the two and after them new pictures came into the folder.
    """
    home = tmp_path_factory.mktemp("kept")
    # A name of any bytes.
    flat(home / "pets", cat=30, dog=10)
    strange = os.fsencode(home / "pets" / "cat") + b"/\xff.png"
    shutil.copy(home / "pets" / "cat" / "000.png", strange)
    given = {"dataset": "image_folder", "data_dir": str(home / "pets")}
    given |= {"test_share": 0.3, "train_images": None, "epochs": 1}
    search_here(home / "search", **given, seed=1)
    write(home / "pets" / "dog" / "new.png", 999)
    given = {"genotype": str(home / "search"), "out": str(home / "trained")}
    given |= {"channels": 2, "cells": 3, "epochs": 1, "warmup_epochs": 0}
    # Another seed, which would split otherwise.
    given |= {"deterministic": False, "seed": 2}
    train_run.train(*train.resolve(given), ["train"])
    write(home / "pets" / "dog" / "newer.png", 998)
    return home


def kept(folder):
    with open(
        folder / "images.csv", encoding="utf-8", errors="surrogateescape"
    ) as file:
        rows = list(csv.DictReader(file))
    return {row["path"]: (row["label"], row["split"]) for row in rows}


def test_a_run_keeps_the_list_of_its_files(runs):
    found = kept(runs / "search")
    assert len(found) == 41 and "dog/new.png" not in found
    assert {name.split("/")[0] for name in found} == {"cat", "dog"}
    assert all(name.split("/")[0] == row[0] for name, row in found.items())
    tested = [name for name, (_, split) in found.items() if split == "test"]
    assert len(tested) == round(0.3 * 41)


def test_no_training_trains_on_what_its_search_was_not_to_see(runs):
    assert kept(runs / "trained") == kept(runs / "search")


def test_a_run_s_images_are_those_of_its_list(runs):
    run = read_run(runs / "trained", "train")
    dataset = run.dataset()
    counts = (len(dataset.train), len(dataset.test))
    assert sum(counts) == 41 and counts[1] == run.summary["test_images"]


def test_a_training_takes_the_list_with_moved_images_only(runs, tmp_path):
    given = {"genotype": str(runs / "search")}
    listed = str(runs / "search" / "images.csv")
    assert train.resolve(given)[0].data_csv == listed
    typed = {"dataset": "image_folder", "data_dir": str(runs / "pets")}
    assert train.resolve({**given, **typed})[0].data_csv == listed
    shutil.copytree(runs / "pets", tmp_path / "moved")
    moved = train.resolve({**given, "data_dir": str(tmp_path / "moved")})[0]
    assert moved.data_csv == listed
    other = flat(tmp_path / "other", ox=3, yak=3)
    config = train.resolve({**given, "data_dir": str(other)})[0]
    assert config.data_csv is None and config.test_share is None


def test_a_file_that_vanishes_from_a_list_is_named(runs, tmp_path):
    shutil.copytree(runs / "pets", tmp_path / "pets")
    (tmp_path / "pets" / "cat" / "003.png").unlink()
    message = refusal(
        data_dir=tmp_path / "pets", data_csv=runs / "search" / "images.csv"
    )
    assert "1 of 41 files" in message and "cat/003.png" in message
    assert "start a new run" in message


# === The same image on both sides ===


@BOTH
def test_test_images_that_are_training_images_are_counted(
    tmp_path, augmentation, capsys
):
    root = tmp_path / "pets"
    for split in ("train", "test"):
        flat(root / split, cat=4, dog=4)
    # Three of eight are other ones, another file has the same pixels.
    for number in range(3):
        write(root / "test" / "cat" / f"00{number}.png", 1000 + number)
    picture = Image.open(root / "train" / "cat" / "003.png")
    picture.save(root / "test" / "cat" / "003.png", compress_level=0)
    data.load("image_folder", root, 8, augmentation)
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "pets: 5 of 8 test images equal a training image, pixel by pixel; "
        "their accuracy says nothing about new images"
    ]
