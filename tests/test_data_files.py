"""Folders as people have them: what is hidden, unread, damaged, in order."""

import itertools
import os

import numpy as np
import pytest
from PIL import Image

from tfnas import data
from tfnas.data import draws
from tfnas.data.request import check_request
from tfnas.errors import UserError

BOTH = pytest.mark.parametrize("augmentation", ["cifar", "imagenet"])
HIDDEN = (".ipynb_checkpoints", "__MACOSX", "@eaDir", ".hidden", "$RECYCLE.BIN")


def write(path, number=0):
    """A picture of 8x8 pixels that carries its number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (number, 255 - number, 7)).save(path)


def make(root, names=("cat", "dog"), count=4):
    numbers = itertools.count()
    for name in names:
        for place in range(count):
            write(root / "train" / name / f"{place}.png", next(numbers))
        write(root / "test" / name / "0.png", next(numbers))
    return root


def load(root, augmentation="cifar"):
    return data.load("image_folder", str(root), 8, augmentation)


def numbers(dataset, split="train"):
    """The numbers of a split's pictures, in its order."""
    part = getattr(dataset, split)
    if hasattr(part, "images"):
        return part.images[:, 0, 0, 0].tolist()
    paths = [part.describe(index) for index in part.indices.tolist()]
    return [Image.open(path).getpixel((0, 0))[0] for path in paths]


@BOTH
def test_what_systems_leave_behind_is_no_class_and_no_image(
    tmp_path, augmentation, capsys
):
    expected = load(make(tmp_path / "clean"), augmentation)
    folder = make(tmp_path / "flowers")
    for split, name in itertools.product(("train", "test"), HIDDEN):
        write(folder / split / name / "1.png", 9)
        write(folder / split / "cat" / name / "1.png", 9)
    for name in ("._0.png", ".x.jpg"):
        (folder / "train" / "cat" / name).write_bytes(b"resource fork")
    for name in ("Thumbs.db", "thumbs.db", ".DS_Store", "desktop.ini"):
        (folder / "train" / "cat" / name).write_bytes(b"settings")
    found = load(folder, augmentation)
    assert found.classes == ("cat", "dog")
    assert numbers(found) == numbers(expected)
    assert numbers(found, "test") == numbers(expected, "test")
    assert "not read" not in capsys.readouterr().out


@BOTH
def test_files_that_are_not_read_are_counted(tmp_path, augmentation, capsys):
    folder = make(tmp_path / "flowers")
    cat = folder / "train" / "cat"
    for number in range(9):
        (cat / f"{number}.heic").touch()
    for number in range(3):
        (folder / "test" / "dog" / f"{number}.SVG").touch()
    (cat / "notes").touch()
    (folder / "train" / "readme").touch()
    write(cat / "more" / "1.png")
    line = (
        "flowers: 15 files not read: 9 .heic, 3 .svg, 2 without suffix, "
        "1 .png outside train/CLASS, test/CLASS"
    )
    load(folder, augmentation)
    assert capsys.readouterr().out.splitlines() == [line]


@BOTH
def test_all_damaged_images_are_named_before_an_epoch(tmp_path, augmentation):
    folder = make(tmp_path / "flowers")
    whole = (folder / "train" / "cat" / "0.png").read_bytes()
    bad = [
        folder / "test" / "dog" / "0.png",
        folder / "train" / "cat" / "1.png",
        folder / "train" / "dog" / "3.png",
    ]
    for path, content in zip(bad, (b"", b"text", whole[:60]), strict=True):
        path.write_bytes(content)
    with pytest.raises(UserError) as error:
        load(folder, augmentation)
    message = str(error.value)
    assert message.startswith("3 damaged images: ")
    assert all(str(path) in message for path in bad)
    # To remove it and resume would be refused: the data would differ.
    assert "start a new run" in message and "--resume" not in message
    for number in range(20):
        (folder / "train" / "cat" / f"x{number}.png").write_bytes(b"text")
    with pytest.raises(UserError, match=r"^23 damaged .* and 13 more; restore"):
        load(folder, augmentation)


# What the commit before `tfnas.data.files` read of the folder below.
ORDER = {
    "cifar": [8, 16, 15, 0, 1, 12, 9, 13, 14, 6, 3, 2, 4, 10, 7],
    "imagenet": [6, 7, 15, 4, 10, 13, 8, 9, 1, 14, 3, 16, 2, 12, 0],
}


@BOTH
def test_a_clean_folder_keeps_its_order(tmp_path, augmentation):
    folder = make(tmp_path, ("a b", "B", "ä"), count=5)
    assert numbers(load(folder, augmentation)) == ORDER[augmentation]


def test_the_order_is_that_of_tfds(tmp_path):
    import tensorflow_datasets as tfds

    folder = make(tmp_path, ("a b", "B", "ä", "🌷"), count=9)
    write(folder / "train" / "B" / "10.JPEG", 99)
    write(folder / "train" / "B" / "Z.jpg", 98)
    found = load(folder)
    builder = tfds.folder_dataset.ImageFolder(str(folder))
    for split in ("train", "test"):
        theirs = list(builder.as_dataset(split).as_numpy_iterator())
        ours = getattr(found, split)
        np.testing.assert_array_equal(
            ours.images, [example["image"] for example in theirs]
        )
        assert ours.labels.tolist() == [x["label"] for x in theirs]
    assert found.classes == tuple(builder.info.features["label"].names)


def test_files_in_their_folder_keep_their_order(tmp_path):
    folder = make(tmp_path, count=20)
    paths = sorted((folder / "train").glob("*/*.png"))
    order = draws.shuffled(0, 0, np.arange(40))
    expected = [Image.open(paths[i]).getpixel((0, 0))[0] for i in order]
    assert numbers(load(folder, "imagenet")) == expected


@BOTH
def test_labels_are_known_without_reading_an_image(tmp_path, augmentation):
    found = load(make(tmp_path), augmentation)
    owner = [0] * 4 + [None] + [1] * 4
    assert found.train.labels.tolist() == [owner[x] for x in numbers(found)]
    part = found.train.take(np.array([3, 1]))
    assert part.labels.tolist() == found.train.labels[[3, 1]].tolist()


def test_names_that_are_not_utf_8_are_refused(tmp_path):
    make(tmp_path)
    os.rename(
        tmp_path / "train" / "dog", os.fsencode(tmp_path / "train") + b"/d\xf6g"
    )
    with pytest.raises(UserError, match=r"d\\xf6g: its name is not UTF-8"):
        check_request("image_folder", str(tmp_path))
