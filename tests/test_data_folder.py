"""Folders of images: what is read, what is refused, and the message."""

import numpy as np
import pytest
import tensorflow as tf

from tfnas import data
from tfnas.errors import UserError


def random_image(height=8, width=8, channels=3, seed=0):
    shape = (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def write_png(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_png(image).numpy())


@pytest.fixture
def folder(tmp_path):
    """Two classes of colour images: 6 to train on, 2 to test on."""
    for label, name in enumerate(("cat", "dog")):
        for number in range(3):
            image = random_image(seed=3 * label + number)
            write_png(tmp_path / "train" / name / f"{number}.png", image)
        write_png(tmp_path / "test" / name / "0.png", random_image())
    return tmp_path


def refusal(data_dir=None):
    with pytest.raises(UserError) as error:
        data.load("image_folder", data_dir=data_dir)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_folder(folder):
    dataset = data.load("image_folder", data_dir=folder)
    assert dataset.classes == ("cat", "dog")
    assert dataset.train.images.shape == (6, 8, 8, 3)
    assert len(dataset.test) == 2
    for label, seeds in enumerate([(0, 1, 2), (3, 4, 5)]):
        read = dataset.train.images[dataset.train.labels == label]
        written = np.stack([random_image(seed=seed) for seed in seeds])
        assert sorted(map(bytes, read)) == sorted(map(bytes, written))


def test_folder_order_is_fixed_and_mixes_classes(tmp_path):
    for name in ("cat", "dog"):
        for number in range(40):
            path = tmp_path / "train" / name / f"{number}.png"
            write_png(path, random_image(4, 4, 1, seed=number))
        write_png(tmp_path / "test" / name / "0.png", random_image(4, 4, 1))
    first = data.load("image_folder", data_dir=tmp_path)
    again = data.load("image_folder", data_dir=tmp_path)
    np.testing.assert_array_equal(first.train.images, again.train.images)
    np.testing.assert_array_equal(first.train.labels, again.train.labels)
    assert 10 < first.train.labels[:40].sum() < 30


def test_gray_images_keep_one_channel_unless_others_have_colour(folder):
    path = folder / "train" / "cat" / "gray.png"
    write_png(path, random_image(channels=1))
    dataset = data.load("image_folder", data_dir=folder)
    assert dataset.image_shape == (8, 8, 3)
    for old in (folder / "train").glob("*/[0-9].png"):
        write_png(old, random_image(channels=1))
    dataset = data.load("image_folder", data_dir=folder)
    assert dataset.image_shape == dataset.test.images.shape[1:] == (8, 8, 3)
    for old in (folder / "test").glob("*/*.png"):
        write_png(old, random_image(channels=1))
    dataset = data.load("image_folder", data_dir=folder)
    assert dataset.image_shape == (8, 8, 1)


def first_cat(folder, image):
    """Puts one image in the place of every cat and returns it as read."""
    for path in (folder / "train" / "cat").iterdir():
        write_png(path, image)
    train = data.load("image_folder", data_dir=folder).train
    return train.images[train.labels == 0][0]


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_dropped(folder, channels):
    image = random_image(channels=channels)
    colours = np.broadcast_to(image[..., : channels - 1], (8, 8, 3))
    np.testing.assert_array_equal(first_cat(folder, image), colours)


def test_sixteen_bits_become_eight(folder):
    image = random_image().astype(np.uint16)
    np.testing.assert_array_equal(first_cat(folder, image * 256), image)


def test_unequal_images_need_an_image_size(folder):
    write_png(folder / "train" / "dog" / "1.png", random_image(6, 10))
    assert "--image_size" in refusal(folder)
    dataset = data.load("image_folder", data_dir=folder, image_size=6)
    assert dataset.image_shape == (6, 6, 3)
    # A centred square is cropped first: this one needs no resizing.
    square = random_image(6, 10)[:, 2:8]
    dogs = dataset.train.images[dataset.train.labels == 1]
    assert any(np.array_equal(dog, square) for dog in dogs)


def test_a_file_that_cannot_be_opened_is_named(folder):
    path = folder / "train" / "dog" / "9.png"
    path.symlink_to(folder / "gone.png")
    assert str(path) in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"text", "half"])
def test_a_corrupt_image_is_named(folder, content):
    path = folder / "train" / "dog" / "2.png"
    path.write_bytes(path.read_bytes()[:50] if content == "half" else content)
    assert str(path) in refusal(folder)


def test_a_test_class_must_be_trained(folder):
    write_png(folder / "test" / "emu" / "0.png", random_image())
    assert "emu" in refusal(folder)


def test_an_empty_class_is_named(folder):
    (folder / "train" / "emu").mkdir()
    path = folder / "train" / "emu"
    (path / "notes.txt").write_text("none yet")
    assert str(path) in refusal(folder)


def test_folders_of_another_form_are_named(tmp_path):
    assert "--data_dir" in refusal()
    missing = tmp_path / "missing"
    assert str(missing) in refusal(missing)
    train, test = tmp_path / "train", tmp_path / "test"
    assert f"{tmp_path}: holds no folder" in refusal(tmp_path)
    write_png(train / "cat" / "0.png", random_image())
    test.mkdir()
    assert str(test) in refusal(tmp_path)
    write_png(test / "cat" / "0.png", random_image())
    message = refusal(tmp_path)
    assert str(train) in message and "only one class" in message
