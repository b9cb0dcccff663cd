"""How a folder's images are checked, left out, and read where they are many."""

import itertools
import json
import os

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from small_runs import search_here

from tfnas import data, train
from tfnas.data import checking, kept_checks, stored
from tfnas.data.listing import find
from tfnas.data.progress import Progress, in_words
from tfnas.errors import UserError
from tfnas.runs import kept_images
from tfnas.search import resolve

WAYS = ["memory", "stored", "imagenet"]


def write(path, number=0, mode="RGB", size=(9, 7)):
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(number)
    pixels = draw.integers(0, 256, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)


def make(root, count=5, **options):
    number = itertools.count()
    for name in ("cat", "dog"):
        for place in range(count):
            path = root / "train" / name / f"{place}.png"
            write(path, next(number), **options)
        write(root / "test" / name / "0.png", next(number), **options)
    return root


@pytest.fixture
def load(monkeypatch):
    """`data.load` of a folder, in one of the three ways."""

    def loaded(root, way, side=6, **options):
        free = 1000 if way == "stored" else 1e12
        monkeypatch.setattr(stored, "available_memory", lambda: free)
        augmentation = "imagenet" if way == "imagenet" else "cifar"
        return data.load("image_folder", root, side, augmentation, **options)

    return loaded


def batches(dataset, seed=3):
    """All that a search and an evaluation would be given, as arrays."""
    given = {"batch_size": 4, "epochs": 2, "seed": seed}
    halves = data.search_halves(dataset)
    found = list(data.search_stream(dataset, halves, **given))
    every = np.arange(len(dataset.train))
    found += data.train_stream(dataset, every, **given)
    found += data.evaluation_batches(dataset.test, dataset, 3)
    return [np.asarray(x) for x in tf.nest.flatten(found)]


def assert_same(one, other):
    assert (one.mean, one.std, one.classes) == (
        *(other.mean, other.std, other.classes),
    )
    assert one.train.labels.tolist() == other.train.labels.tolist()
    for x, y in zip(batches(one), batches(other), strict=True):
        np.testing.assert_array_equal(x, y)


# === The check ===


@pytest.fixture
def decoded(monkeypatch, tmp_path):
    """The files that the check decodes."""
    found, usual = [], checking._checked
    monkeypatch.setattr(kept_checks, "HOME", tmp_path / "cache")
    monkeypatch.setattr(
        checking, "_checked", lambda path: found.append(path) or usual(path)
    )
    return found


@pytest.mark.parametrize(
    "way", ["stored", pytest.param("imagenet", marks=pytest.mark.slow)]
)
def test_a_file_is_decoded_again_once_it_has_changed(
    tmp_path, load, decoded, way
):
    root = make(tmp_path / "pets")
    first = load(root, way)
    assert len(decoded) == 12
    decoded.clear()
    assert_same(load(root, way), first)
    assert decoded == []
    # Of the same size in bytes, at another time.
    path = root / "train" / "cat" / "1.png"
    content = path.read_bytes()
    path.write_bytes(content[:-30] + bytes(30))
    os.utime(path, ns=(1, 1))
    with pytest.raises(UserError, match="1 damaged image: .*cat/1.png"):
        load(root, way)
    assert decoded == [str(path)]
    path.write_bytes(content)
    os.utime(path, ns=(2, 2))
    assert_same(load(root, way), first)
    assert decoded == [str(path)] * 2


@pytest.mark.parametrize("fault", ["not writable", "damaged"])
def test_without_kept_results_files_are_checked_again(
    tmp_path, load, decoded, fault, monkeypatch
):
    root = make(tmp_path / "pets")
    if fault == "not writable":
        (tmp_path / "cache").write_text("a file where a folder should be")
        load(root, "imagenet")
    else:
        load(root, "imagenet")
        (kept,) = (tmp_path / "cache").rglob("*.json")
        kept.write_text('[["a", 3]]')
    decoded.clear()
    load(root, "imagenet")
    assert len(decoded) == 12


def test_much_work_says_how_long_it_takes(capsys):
    now = [0.0]
    progress = Progress("Checked", 1000, clock=lambda: now[0])
    for done in range(0, 1001, 100):
        progress.reached(done)
        now[0] += 4
    # At 12, 24 and 36 seconds; 40 seconds are the whole of it.
    assert capsys.readouterr().out.splitlines() == [
        f"Checked {done} of 1,000 images, about {left} s left"
        for done, left in ((300, 28), (600, 16), (900, 4))
    ]
    assert [in_words(x) for x in (9.6, 150, 9000)] == ["10 s", "2 min", "2.5 h"]


# === Damaged files ===


def damage(root):
    """Makes three files damaged; the same folder without them beside it."""
    bad = [
        root / "train" / "cat" / "x.png",
        root / "train" / "dog" / "2b.png",
        root / "test" / "dog" / "1.png",
    ]
    for path, content in zip(bad, (b"", b"text", b"\xff\xd8\xff"), strict=True):
        path.write_bytes(content)
    return bad


@pytest.mark.parametrize("way", WAYS)
def test_damaged_files_are_left_out_if_that_is_asked_for(
    tmp_path, load, way, capsys
):
    root = make(tmp_path / "pets")
    clean = load(root, way)
    bad = damage(root)
    with pytest.raises(UserError, match="3 damaged images: .*--skip_damaged"):
        load(root, way)
    capsys.readouterr()
    found = load(root, way, skip_damaged=True)
    said = capsys.readouterr().out
    assert "Left out 3 damaged images: " in said
    assert all(str(path) in said for path in bad)
    # As if they had never been there.
    assert_same(found, clean)
    assert {path for path, _ in found.listing.damaged} == set(map(str, bad))


@pytest.mark.parametrize("way", WAYS)
def test_a_split_that_is_damaged_whole_is_not_left_out(tmp_path, load, way):
    root = make(tmp_path / "pets")
    for path in (root / "test").glob("*/*.png"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match="2 damaged images"):
        load(root, way, skip_damaged=True)


def test_a_run_records_what_it_left_out_and_goes_on_without(tmp_path, capsys):
    root = make(tmp_path / "pets", count=12, size=(8, 8))
    bad = damage(root)
    given = {"dataset": "image_folder", "data_dir": str(root), "epochs": 1}
    given |= {"train_images": None, "skip_damaged": True}
    search_here(tmp_path / "run", **given)
    listed = (tmp_path / "run" / "images.csv").read_text().splitlines()
    left_out = [x for x in listed if x.endswith(",damaged")]
    names = [str(path.relative_to(root)) for path in bad]
    assert sorted(x.split(",")[0] for x in left_out) == sorted(names)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["config"]["skip_damaged"] is True
    # One that goes on reads the same images in the same order.
    capsys.readouterr()
    first = data.load("image_folder", root, None, "cifar", skip_damaged=True)
    assert "Left out 3" in capsys.readouterr().out
    typed = {"out": str(tmp_path / "run"), "resume": True}
    again = data.load(**kept_images.asked(resolve(typed)[0]))
    assert_same(again, first)
    # So does a training of what was found, which has none to leave out.
    capsys.readouterr()
    asked = {"genotype": str(tmp_path / "run"), "out": str(tmp_path / "x")}
    trained = data.load(**kept_images.asked(train.resolve(asked)[0]))
    assert_same(trained, first)
    assert "Left out" not in capsys.readouterr().out


def test_an_older_run_left_nothing_out():
    config, method = resolve({})
    assert "skip_damaged" not in config.decisive(method)["config"]


@pytest.mark.parametrize("way", ["stored", "imagenet"])
def test_a_file_that_vanishes_later_leaves_a_way_on(tmp_path, load, way):
    root = make(tmp_path / "pets")
    dataset = load(root, way)
    path = root / "train" / "dog" / "3.png"
    path.unlink()
    with (
        pytest.raises(UserError, match=r"^1 damaged image: ") as error,
        data.damage_named(dataset),
    ):
        batches(dataset)
    message = str(error.value)
    assert f"{path} (No such file" in message and "\n" not in message
    assert "--resume" in message and "--skip_damaged" in message


# === More than fits into memory ===


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("side", [None, 6])
def test_images_in_their_files_are_those_in_memory(
    tmp_path, load, mode, side, capsys
):
    root = make(tmp_path / "pets", mode=mode)
    expected = load(root, "memory", side)
    assert "Memory" not in capsys.readouterr().out
    found = load(root, "stored", side)
    (line,) = capsys.readouterr().out.splitlines()
    size = "7x9" if side is None else "6x6"
    assert line.startswith(f"Memory: 12 images of {size} pixels take 0.0 GB")
    assert isinstance(found.train, stored.StoredSplit)
    assert found.image_shape == expected.image_shape
    assert_same(found, expected)
    part = np.array([3, 1])
    np.testing.assert_array_equal(
        found.train.take(part).images[:], expected.train.images[part]
    )


def test_they_stay_there_where_they_would_take_more_than_half(
    tmp_path, monkeypatch
):
    root = make(tmp_path / "pets")
    listing = find(root)
    need = 12 * 6 * 6 * 3
    for free, said in ((2 * need, False), (2 * need - 1, True)):
        monkeypatch.setattr(stored, "available_memory", lambda free=free: free)
        assert bool(stored.too_large(listing, 6)) == said


def test_unequal_images_need_a_size_in_their_files_too(tmp_path, load):
    root = make(tmp_path / "pets")
    path = root / "train" / "dog" / "1.png"
    write(path, size=(4, 5))
    with pytest.raises(UserError, match="5x4 pixels where others have 7x9"):
        load(root, "stored", None)
    assert load(root, "stored").image_shape == (6, 6, 3)
