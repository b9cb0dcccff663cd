"""Formats that people's photographs have: read, or refused by name."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from tfnas import data
from tfnas.data.formats import plain
from tfnas.data.image_bytes import decode
from tfnas.demo.run import answering
from tfnas.export import graph
from tfnas.zoo.source import Source

ORIENTATION = 0x0112
# By the suffix that the file has: Pillow's name and options. All lose nothing.
FORMATS = {
    ".png": ("PNG", {}),
    ".WebP": ("WEBP", {"lossless": True}),
    ".BMP": ("BMP", {}),
    ".tif": ("TIFF", {}),
    ".TIFF": ("TIFF", {"compression": "tiff_lzw"}),
}


def picture(seed=0, mode="RGB"):
    """12x8 pixels of few colours, so that a palette holds them all."""
    draw = np.random.default_rng(seed)
    image = Image.fromarray(draw.integers(0, 4, (8, 12, 3), np.uint8) * 60)
    return image.convert(mode)


def file_of(kind, image, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def pixels(content, channels=0):
    from tfnas.data.decoding import decode

    return decode(plain(content), channels).numpy()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same pictures in each format, as classes of one data set."""
    root = tmp_path_factory.mktemp("formats")
    for number, (suffix, (kind, options)) in enumerate(FORMATS.items()):
        for split in ("train", "test"):
            home = root / split / f"class {number}"
            home.mkdir(parents=True)
            for seed in range(2):
                content = file_of(kind, picture(seed), **options)
                (home / f"{seed}{suffix}").write_bytes(content)
    return root


def test_every_format_has_the_pixels_of_the_others_in_memory(folder):
    train = data.load("image_folder", folder).train
    assert len(train) == 2 * len(FORMATS)
    expected = sorted(np.asarray(picture(seed)).tobytes() for seed in range(2))
    for label in range(len(FORMATS)):
        found = train.images[train.labels == label]
        assert sorted(map(bytes, found)) == expected


def test_every_format_has_the_pixels_of_the_others_in_its_file(folder):
    dataset = data.load("image_folder", folder, 8, "imagenet")
    batches = data.evaluation_batches(dataset.test, dataset, 3)
    images, labels = map(np.concatenate, zip(*batches, strict=True))
    for label in range(1, len(FORMATS)):
        for one in images[labels == label]:
            close = [np.abs(one - x).max() for x in images[labels == 0]]
            assert min(close) < 1e-5
    stream = data.train_stream(
        dataset, np.arange(10), batch_size=10, epochs=1, seed=0
    )
    assert next(iter(stream))[0].shape == (10, 8, 8, 3)


@pytest.mark.parametrize("suffix", [".jfif", ".JFIF", ".jpeg", ".Gif"])
def test_other_suffixes_are_read(tmp_path, suffix):
    kind = "GIF" if suffix == ".Gif" else "JPEG"
    for place in ("train/a", "train/b", "test/a"):
        (tmp_path / place).mkdir(parents=True)
        content = file_of(kind, picture())
        (tmp_path / place / f"1{suffix}").write_bytes(content)
    image = data.load("image_folder", tmp_path).test.images[0]
    expected = Image.open(io.BytesIO(content)).convert("RGB")
    np.testing.assert_allclose(image, np.asarray(expected), atol=4)


@pytest.mark.parametrize("kind", ["WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_pictures_are_upright(kind, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    content = file_of(kind, picture(), exif=exif, **options)
    # PNG has no decoder that turns by itself.
    png = file_of("PNG", picture(), exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(png)))
    np.testing.assert_array_equal(pixels(content), np.asarray(expected))


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "TIFF"])
def test_of_several_pictures_the_first_is_read(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    more = [picture(seed) for seed in (1, 2)]
    content = file_of(
        kind, picture(), save_all=True, append_images=more, **options
    )
    np.testing.assert_array_equal(pixels(content), np.asarray(picture()))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_modes_become_eight_bits_of_gray_or_colour(mode):
    if mode == "I;16":
        values = np.arange(96, dtype=np.uint16).reshape(8, 12) * 680
        image, expected = Image.fromarray(values), values >> 8
    else:
        image = picture(mode=mode)
        gray = mode in ("1", "L", "LA")
        expected = np.asarray(image.convert("L" if gray else "RGB"))
    found = pixels(file_of("TIFF", image))
    assert found.shape[-1] == (1 if expected.ndim == 2 else 3)
    np.testing.assert_array_equal(found.squeeze(), expected)
    assert pixels(file_of("TIFF", image), 3).shape == (8, 12, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_bmp_of_every_kind_is_read(mode):
    image = picture(mode=mode)
    found = pixels(file_of("BMP", image), 3)
    np.testing.assert_array_equal(found, np.asarray(image.convert("RGB")))


# === Prediction, demo, servers ===


@pytest.fixture(scope="module")
def source():
    images = keras.Input((8, 8, 3))
    logits = keras.layers.Dense(2)(keras.layers.Flatten()(images))
    network = keras.Model(images, logits)
    return Source(network=network, image_shape=(8, 8, 3), count=2)


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_page_shows_every_format(source, suffix):
    answer = answering(source)
    kind, options = FORMATS[suffix]
    _, shown = answer(file_of(kind, picture(), **options))
    _, expected = answer(file_of("PNG", picture()))
    np.testing.assert_array_equal(shown, expected)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("WebP", file_of("WEBP", picture())),
        ("TIFF", file_of("TIFF", picture())),
        ("TIFF", b"MM\0*\0\0\0\x08"),
        ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0"),
        ("AVIF", b"\0\0\0\x1cftypavif\0\0\0\0"),
    ],
)
def test_a_server_refuses_by_name_what_it_cannot_decode(name, content):
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=f"{name} is not decoded here"
    ):
        decode(tf.constant(content), (8, 8, 3))


def test_the_description_says_what_a_server_decodes(source):
    from tfnas.export.description import describe

    told = describe("name", 1, source, {})["preprocessing"]["bytes"]
    serve = graph.endpoints(graph.inference(source.network))["serving_bytes"]
    for kind in told["formats"]:
        content = file_of(kind, picture())
        assert serve(tf.constant([content]))["class"].shape == (1,)
    for name, kind in (("WebP", "WEBP"), ("TIFF", "TIFF")):
        assert name in told["refused"]
        with pytest.raises(tf.errors.InvalidArgumentError, match=name):
            serve(tf.constant([file_of(kind, picture())]))
