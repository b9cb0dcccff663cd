"""Images of any file as uint8 pixels, and those of a split as one array."""

import functools

import numpy as np
import tensorflow as tf

from tfnas.data import image_headers, orientation
from tfnas.data.files import damaged
from tfnas.errors import UserError

# A photograph of 24 megapixels passes; 100 MB of RGB.
PIXELS = 2**25


def decode(content, channels=0):
    """An image file as uint8 (H, W, C), upright; an animation's first picture.

    Reads JPEG, PNG, GIF, and BMP of 24 or 32 bits or in gray; `channels` is 1,
    3, or 0, which takes as many as the file has. EXIF's orientation is applied,
    of JPEG and of PNG (eXIf). A file's header says how large it is before it is
    decoded, and one that is too large is refused by what it says. When it runs,
    anything else, a damaged file and more than `PIXELS` pixels raise
    `tf.errors.InvalidArgumentError`.
    """
    return _decoder(channels)(content)


@functools.cache
def _decoder(channels):
    @tf.function(
        input_signature=[tf.TensorSpec((), tf.string)], autograph=False
    )
    def decode_image(content):
        named = [
            tf.debugging.assert_equal(
                is_of_it,
                False,
                f"image: {name} is not decoded here; send JPEG, PNG, GIF or "
                "plain BMP",
            )
            for name, is_of_it in image_headers.foreign(content).items()
        ]
        with tf.control_dependencies(named):
            content, pixels, exif = image_headers.examine(content)
        checks = [
            tf.debugging.assert_positive(
                pixels, "image: not a JPEG, PNG, GIF or plain BMP file"
            ),
            tf.debugging.assert_less_equal(
                pixels,
                tf.constant(PIXELS, tf.int64),
                f"image: more than {PIXELS} pixels",
            ),
        ]
        with tf.control_dependencies(checks):
            content = tf.identity(content)
        image = tf.io.decode_image(content, channels, expand_animations=False)
        image = tf.ensure_shape(image, (None, None, channels or None))
        return orientation.upright(image, orientation.of_exif(exif))

    return decode_image


def fault(error):
    """What to add to the name of an image that was refused so."""
    for reason in (f"more than {PIXELS} pixels", "32-bit values"):
        if reason in error.message:
            return f" ({reason})"
    return ""


def fit_square(images, size):
    """Crops the largest centred square and resizes it to `size` pixels a side.

    The images are uint8 (..., H, W, C), one or a batch.
    """
    height, width = tf.shape(images)[-3], tf.shape(images)[-2]
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    images = images[..., top : top + side, left : left + side, :]
    images = tf.image.resize(images, (size, size), antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(images), 0, 255), tf.uint8)


def collect(examples, count, image_size, describe):
    """Decodes and stacks a split: uint8 (N, H, W, C) and int64 labels (N,).

    Each of the `count` examples is (image, label), the image uint8 (H, W, C) or
    the bytes of a file; `describe` names the image at a position in a message.
    `image_size` is the side to resize to, or None. Alpha is dropped. If every
    image is gray the result has one channel, otherwise gray is spread over
    three. A `UserError` names all damaged images, or one of another size than
    the first.
    """

    def convert(image, label):
        if image.dtype == tf.string:
            image = decode(image)
        gray = tf.shape(image)[-1] < 3
        image = tf.cond(
            gray, lambda: tf.repeat(image[..., :1], 3, -1), lambda: image
        )[..., :3]
        if image_size is not None:
            image = fit_square(image, image_size)
        return image, label, gray

    converted = examples.map(convert, tf.data.AUTOTUNE, deterministic=True)
    iterator = converted.prefetch(tf.data.AUTOTUNE).as_numpy_iterator()
    images, labels = None, np.empty(count, np.int64)
    all_gray, damage, unequal = True, [], None
    for place in range(count):
        try:
            image, label, gray = next(iterator)
        except tf.errors.OpError as error:
            damage.append(describe(place) + fault(error))
            continue
        if images is None:
            images = _room(count, image.shape)
        if image.shape != images.shape[1:]:
            unequal = unequal or (place, image.shape)
            continue
        images[place], labels[place] = image, label
        all_gray &= bool(gray)
    if damage:
        raise damaged(damage)
    if unequal:
        place, shape = unequal
        raise UserError(
            f"{describe(place)}: {shape[0]}x{shape[1]} pixels where others "
            f"have {images.shape[1]}x{images.shape[2]}; set --image_size to "
            "resize all"
        )
    return images[..., :1].copy() if all_gray else images, labels


def _room(count, shape):
    try:
        return np.empty((count, *shape), np.uint8)
    except MemoryError:
        raise UserError(
            f"{count} images of {shape[0]}x{shape[1]} pixels do not fit into "
            "memory; set --image_size"
        ) from None
