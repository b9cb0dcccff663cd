"""Images of a split, decoded several at a time into one array."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfnas.data.decoding import collect, converter
from tfnas.errors import UserError
from tfnas.predict.run import reader

COUNT = 300


def file_of(number, size=(6, 5), mode="RGB"):
    draw = np.random.default_rng(number)
    pixels = draw.integers(0, 256, (*size[::-1], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "PNG")
    return file.getvalue()


def pixels_of(content):
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def read(files, image_size=None, **options):
    labelled = [(file, place % 7) for place, file in enumerate(files)]
    return collect(
        labelled, len(files), image_size, "image {}".format, **options
    )


@pytest.mark.parametrize("damaged", [[], [0], [5, 16, 17, 255, 299]])
def test_a_damaged_image_spoils_no_other(damaged):
    files = [file_of(number) for number in range(COUNT)]
    for place in damaged:
        files[place] = files[place][:40]
    images, labels, damage = read(files)
    left = [place for place in range(COUNT) if place not in damaged]
    assert damage == {place: f"image {place}" for place in damaged}
    assert labels.tolist() == [place % 7 for place in left]
    for image, place in zip(images, left, strict=True):
        np.testing.assert_array_equal(image, pixels_of(files[place]))


def test_the_first_of_another_size_is_named():
    files = [file_of(number) for number in range(50)]
    files[3], files[20], files[33] = b"", file_of(0, (5, 6)), file_of(0, (9, 9))
    with pytest.raises(UserError, match=r"^image 20: 6x5 pixels .* 5x6; set"):
        read(files)
    images, _, damage = read(files, image_size=4)
    assert images.shape == (49, 4, 4, 3) and [*damage] == [3]


@pytest.mark.parametrize("colour", [None, 18])
def test_gray_images_have_one_channel_if_all_are_gray(colour):
    files = [file_of(number, mode="L") for number in range(40)]
    if colour is not None:
        files[colour] = file_of(0)
    images, _, _ = read(files)
    assert images.shape[-1] == (1 if colour is None else 3)
    for image, file in zip(images, files, strict=True):
        expected = pixels_of(file)[..., : images.shape[-1]]
        np.testing.assert_array_equal(image, expected)
    assert read(files, channels=3)[0].shape[-1] == 3


def test_files_are_drawn_as_they_are_decoded():
    """Together a data set's files may take more memory than its images."""
    drawn, ahead = [], []
    files = ((drawn.append(place), 0) for place in range(600))

    def opened(_):
        ahead.append(len(drawn))
        return file_of(0)

    images, _, _ = collect(files, 600, None, str, read=opened)
    assert len(images) == len(drawn) == 600
    assert ahead[0] < 300


def test_a_file_that_is_gone_is_named(tmp_path):
    (tmp_path / "0").write_bytes(file_of(0))
    paths = [(tmp_path / str(number), 0) for number in range(2)]
    _, _, damage = collect(
        paths, 2, None, str, read=lambda path: path.read_bytes()
    )
    assert damage == {1: "1 (No such file or directory)"}


# === Threads ===


def test_threads_share_one_trace(tmp_path, caplog):
    """TensorFlow warns of functions that are traced again and again."""
    path = tmp_path / "1.png"
    path.write_bytes(file_of(1))
    contents = tf.constant([file_of(1)])
    for read_one, given in (
        (reader((6, 5, 3), False), path),
        (converter(image_size=3), contents),
    ):
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(read_one, [given] * 16))
    assert "retracing" not in caplog.text
