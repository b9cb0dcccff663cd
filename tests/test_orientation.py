"""Photographs stand upright wherever they are decoded, as Pillow has them."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from hostile_images import oriented
from PIL import Image, ImageOps

from tfnas import data
from tfnas.data import image_bytes, imagenet
from tfnas.data.decoding import decode
from tfnas.data.orientation import of_exif

ORDERS = (b"II", b"MM")


def photograph(mode="RGB"):
    """Smooth, so that JPEG loses little, and unlike itself turned."""
    x, y = np.meshgrid(np.arange(24), np.arange(16))
    colours = np.stack([8 * x, 255 - 9 * y, 4 * x + 2 * y], -1)
    return Image.fromarray(colours.astype(np.uint8)).convert(mode)


def pillow(file):
    turned = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(file))))
    return turned.reshape(*turned.shape[:2], -1).astype(int)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_every_orientation_is_pillow_s(kind, mode, order):
    shapes = set()
    for value in range(1, 9):
        file = oriented(value, order, kind, photograph(mode))
        found, expected = decode(file).numpy(), pillow(file)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < (1 if kind == "PNG" else 6)
        shapes.add(found.shape[:2])
    assert shapes == {(16, 24), (24, 16)}


@pytest.mark.parametrize("shape", [(8, 12, 3), (12, 8, 1)])
def test_what_is_served_is_turned_before_it_is_cropped(shape):
    """So the page's; a PNG of Pillow's upright pixels gives the same."""
    for value in range(1, 9):
        file = oriented(value, b"MM", image=photograph())
        upright = tf.io.encode_png(pillow(file).astype(np.uint8))
        found, expected = (
            image_bytes.decode(content, shape) for content in (file, upright)
        )
        np.testing.assert_allclose(found, expected, atol=5)


@pytest.mark.parametrize("before", ["JFIF", "others", "filled", "twice"])
def test_a_jpeg_s_exif_may_stand_anywhere(before):
    file = oriented(6, b"MM", image=photograph())
    start = file.index(b"\xff\xe1")
    (length,) = struct.unpack(">H", file[start + 2 : start + 4])
    exif = file[start : start + 2 + length]
    plain = file[:start] + file[start + 2 + length :]
    xmp = b"\xff\xe1\0\x20http://ns.adobe.com/xap/1.0/\0\0"
    comment = b"\xff\xfe" + struct.pack(">H", 60_000) + bytes(59_998)
    head = {
        "JFIF": exif,
        "others": xmp + comment * 9 + exif,
        "filled": b"\xff\xff" + exif,
        "twice": exif + exif.replace(b"\0\6\0\0", b"\0\3\0\0"),
    }[before]
    moved = plain[:2] + head + plain[2:]
    np.testing.assert_array_equal(decode(moved), decode(file))


def test_an_entry_among_others_counts_and_garbage_does_not():
    def block(order, *entries, start=8):
        form = "<" if order == b"II" else ">"
        head = order + struct.pack(f"{form}HI", 42, start) + bytes(start - 8)
        rows = [struct.pack(f"{form}HHIHH", *entry, 0) for entry in entries]
        return head + struct.pack(f"{form}H", len(rows)) + b"".join(rows)

    text = tf.TensorSpec((), tf.string)
    read = tf.function(of_exif, input_signature=[text], autograph=False)
    for order in ORDERS:
        ours, other = (0x0112, 3, 1, 8), (0x0110, 2, 1, 3)
        assert read(block(order, other, ours, other, start=20)) == 8
        for wrong in ((0x0112, 2, 1, 8), (0x0112, 3, 2, 8), (0x0112, 3, 1, 9)):
            assert read(block(order, wrong)) == 1
        whole = block(order, ours)
        for length in range(len(whole) - 4):
            assert read(whole[:length]) == 1
        assert read(b"XX" + whole[2:]) == 1
        noise = np.random.default_rng(0)
        for _ in range(50):
            rest = whole[:4] + noise.bytes(40)
            assert 1 <= int(read(rest)) <= 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Each image once upright and once turned, by its EXIF, to that."""
    root = tmp_path_factory.mktemp("phone")
    for split in ("train", "test"):
        for label, name in enumerate(("cat", "dog")):
            (root / split / name).mkdir(parents=True)
            for value in range(1, 9):
                stored = photograph().transpose(Image.Transpose.TRANSPOSE)
                path = root / split / name / f"{value}.jpg"
                image = stored if value > 4 else photograph()
                path.write_bytes(oriented(value, ORDERS[label], image=image))
    return root


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_both_augmentations_read_a_folder_upright(folder):
    split = data.load("image_folder", str(folder)).train
    assert split.image_shape == (16, 24, 3)
    expected = sorted(
        tuple(pillow(path.read_bytes()).mean((1, 2)).round())
        for path in folder.glob("train/*/*.jpg")
    )
    found = sorted(tuple(image.mean((1, 2)).round()) for image in split.images)
    np.testing.assert_allclose(found, expected, atol=2)
    dataset = data.load("image_folder", str(folder), 16, "imagenet")
    batches = data.evaluation_batches(dataset.test, dataset, 16)
    images = next(iter(batches))[0]
    files, _ = dataset.test.files(np.arange(16))
    for image, file in zip(images, files, strict=True):
        upright = imagenet.centre_crop(tf.constant(pillow(file)), 16) / 255
        wanted = (upright - imagenet.MEAN) / np.array(imagenet.STD)
        np.testing.assert_allclose(image, wanted, atol=0.15)
