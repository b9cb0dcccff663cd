"""What is read of a file's header, by Pillow and by walks in plain Python."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from hostile_images import chunk, oriented
from PIL import Image, PngImagePlugin

from tfnas.data import decoding, image_headers

TEXT = tf.TensorSpec((), tf.string)
examine = tf.function(
    image_headers.examine, input_signature=[TEXT], autograph=False
)
JPEGS = [
    {},
    {"progressive": True},
    {"restart_marker_blocks": 1},
    {"subsampling": 0, "optimize": True},
    {"comment": b"some words" * 50},
    {"icc_profile": bytes(70_000), "dpi": (72, 72)},
]
PNGS = ["1", "L", "LA", "P", "RGB", "RGBA"]


def picture(mode="RGB", size=(20, 13)):
    values = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3))
    return Image.fromarray(values.astype(np.uint8)).convert(mode)


def file_of(kind, image, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif():
    found = Image.Exif()
    found[0x0112], found[0x0110] = 6, "a camera"
    return found


def texts():
    found = PngImagePlugin.PngInfo()
    found.add_text("a", "b" * 300, zip=True)
    return found


def exif_of_jpeg(content):
    """The first block marked as EXIF before the frame, segment by segment."""
    at = 2
    while len(content) >= at + 2 and content[at] == 255:
        marker = content[at + 1]
        (length,) = struct.unpack(
            ">H", (content[at + 2 : at + 4] + bytes(2))[:2]
        )
        if marker in (0xC0, 0xC1, 0xC2, 0xDA, 0xD9):
            break
        if marker == 0xE1 and content[at + 4 : at + 10] == b"Exif\0\0":
            return content[at + 10 : at + max(length, 8) + 2]
        at += 1 if marker == 255 else 2 + length
    return b""


def exif_of_png(content):
    """That of the last eXIf chunk; None if the file has no end."""
    if content[8:16] != b"\0\0\0\rIHDR":
        return None
    at, found = 33, b""
    while at + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        if kind == b"IEND":
            return found
        if kind == b"eXIf":
            found = content[at + 8 : at + 8 + length]
        at += 12 + length
    return None


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", JPEGS, ids=lambda x: "+".join(x))
def test_a_jpeg_s_size_and_exif_are_pillow_s(mode, options):
    for more in ({}, {"exif": exif()}):
        content = file_of("JPEG", picture(mode), **options, **more)
        part, pixels, block = examine(content)
        image = Image.open(io.BytesIO(content))
        assert part == content
        assert pixels == image.width * image.height
        assert block == image.info.get("exif", b"Exif\0\0")[6:]


@pytest.mark.parametrize("mode", PNGS)
def test_a_png_keeps_its_pixels_and_loses_its_texts(mode):
    for more in ({}, {"exif": exif()}):
        options = {"transparency": 3} if mode == "P" else {}
        image = picture(mode)
        content = file_of("PNG", image, pnginfo=texts(), **options, **more)
        part, pixels, block = examine(content)
        assert pixels == image.width * image.height
        assert block == exif_of_png(content)
        assert b"zTXt" in content and b"zTXt" not in part.numpy()
        kept, whole = (
            Image.open(io.BytesIO(file)).convert("RGBA")
            for file in (part.numpy(), content)
        )
        np.testing.assert_array_equal(kept, whole)


def test_a_file_cut_anywhere_in_its_header_is_refused():
    jpeg = oriented(6, image=picture())
    for content, end in (
        (jpeg, jpeg.index(b"\xff\xda") + 2),
        # The last checksum is not read.
        (file_of("PNG", picture(size=(5, 4)), pnginfo=texts()), -4),
        (file_of("GIF", picture("1")), -1),
        (file_of("BMP", picture()), 54),
    ):
        decoding.decode(content)
        for length in range(len(content[:end])):
            with pytest.raises(tf.errors.InvalidArgumentError):
                decoding.decode(content[:length])


def mistaken(content, count=150):
    """The file with one to three wrong bytes in its first 300."""
    draw = np.random.default_rng(0)
    for _ in range(count):
        wrong = bytearray(content)
        for at in draw.integers(2, 300, draw.integers(1, 4)):
            wrong[at] = draw.choice(
                [0, 1, 0xDA, 0xE1, 0xFF, draw.integers(256)]
            )
        yield bytes(wrong)


def test_a_jpeg_s_exif_is_found_whatever_the_bytes():
    start = oriented(6, image=picture())
    segments = b"".join(
        bytes([255, 0xE2 + place]) + struct.pack(">H", 2 + place) + bytes(place)
        for place in range(10)
    )
    content = start[:2] + segments + start[2:]
    found = set()
    for wrong in mistaken(content):
        try:
            _, _, block = examine(wrong)
        except tf.errors.InvalidArgumentError:
            continue
        assert block == exif_of_jpeg(wrong)
        found.add(bool(block.numpy()))
    assert found == {False, True}


def test_a_png_s_chunks_are_found_whatever_the_bytes():
    more = b"".join(chunk(b"abCd", bytes(place)) for place in range(6))
    content = file_of("PNG", picture(), exif=exif())
    content = content[:33] + more + content[33:]
    found = set()
    for wrong in mistaken(content):
        if wrong[:8] != content[:8]:
            continue
        _, pixels, block = examine(wrong)
        expected = exif_of_png(wrong)
        assert block == expected or expected is None
        assert pixels == 0 or expected is not None
        found.add(expected is None)
    assert found == {False, True}


def test_a_small_image_passes_few_operations():
    """A branch that is written out costs its time in every image."""
    graph = decoding._decoder(0).get_concrete_function().graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert len(kinds) <= 60
    assert not {"If", "StatelessIf", "While", "StatelessWhile"} & {*kinds}
