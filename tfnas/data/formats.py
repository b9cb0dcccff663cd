"""Image formats that TensorFlow does not decode, read by Pillow.

They become PNG files of the same pixels, so that all later code decodes images
in one way. Exported networks have no Pillow and refuse these formats by name
(`tfnas.data.image_headers`).
"""

import contextlib
import io
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from tfnas.data.decoding import PIXELS

_GRAY = ("1", "L", "LA", "La")
_DEEP = ("I", "F")


def read(path):
    """The bytes of an image file, made `plain`."""
    return plain(pathlib.Path(path).read_bytes())


def plain(content):
    """An image file's bytes, or those of a PNG file with the same picture.

    WebP, TIFF and BMP of all kinds become PNG: the first picture, upright, in 8
    bits, gray or RGB. Everything else stays as it is. A file that Pillow cannot
    decode, or with more than `PIXELS` pixels, raises
    `tf.errors.InvalidArgumentError`, as `tfnas.data.decoding.decode` does.
    """
    kind = _kind(content)
    if kind is None:
        return content
    try:
        with Image.open(io.BytesIO(content), formats=[kind]) as image:
            width, height = image.size
            if width * height > PIXELS:
                raise Image.DecompressionBombError
            pixels = _eight_bits(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refusal(f"more than {PIXELS} pixels") from None
    except tf.errors.InvalidArgumentError:
        raise
    except Exception as error:  # A decoder may raise anything.
        raise _refusal(f"damaged {kind} ({error})") from None
    file = io.BytesIO()
    # Compressing would take longer than everything else.
    pixels.save(file, "PNG", compress_level=0)
    return file.getvalue()


def _kind(content):
    """Pillow's name of a format that Pillow must decode, else None."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    return "BMP" if content[:2] == b"BM" else None


def _eight_bits(image):
    image.load()
    # The picture may be intact even if its EXIF is damaged.
    with contextlib.suppress(Exception):
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in _DEEP:
        raise _refusal("32-bit values")
    return image.convert("L" if image.mode in _GRAY else "RGB")


def _refusal(why):
    return tf.errors.InvalidArgumentError(None, None, f"image: {why}")
