"""Image files as uint8 pixels, and the images of a split as one array."""

import functools

import numpy as np
import tensorflow as tf

from tfnas.data import image_headers, orientation
from tfnas.data.files import damaged
from tfnas.data.progress import Progress
from tfnas.errors import UserError

# A photograph of 24 megapixels passes; 100 MB of RGB.
PIXELS = 2**25


def decode(content, channels=0):
    """An image file as uint8 (H, W, C), upright; an animation's first picture.

    Reads JPEG, PNG, GIF, and BMP of 24 or 32 bits or in gray; `channels` is 1,
    3, or 0, which takes as many as the file has. EXIF's orientation is applied,
    of JPEG and of PNG (eXIf). An image too large by its header is refused
    before it is decoded. At run time, any other file, a damaged one and more
    than `PIXELS` pixels raise `tf.errors.InvalidArgumentError`.
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
    """The reason of a refusal, to follow the image's name."""
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


def convert(image, image_size=None):
    """An image, or the bytes of its file, as ((H, W, 3), whether it is gray).

    All is uint8. Alpha is dropped, gray is repeated over three channels.
    `image_size` is the side to resize to, or None.
    """
    if image.dtype == tf.string:
        image = decode(image)
    gray = tf.shape(image)[-1] < 3
    image = tf.cond(
        gray, lambda: tf.repeat(image[..., :1], 3, -1), lambda: image
    )[..., :3]
    if image_size is not None:
        image = fit_square(image, image_size)
    return image, gray


@functools.cache
def converter(image_size=None):
    """`convert` of the bytes of a file, traced once."""
    content = tf.TensorSpec((), tf.string)

    @tf.function(input_signature=[content], autograph=False)
    def converted(content):
        return convert(content, image_size)

    return converted


def collect(examples, count, image_size, describe):
    """Decodes and stacks a split: uint8 (N, H, W, C) and int64 labels (N,).

    Each of the `count` examples is (image, label), the image as `convert` takes
    it; `describe` names the image at a position in a message. If every image is
    gray, the result has one channel. The third result is {position: name} of
    the damaged images, which the arrays leave out. A `UserError` names an image
    whose size differs from the first one's.
    """
    converted = examples.map(
        lambda image, label: (*convert(image, image_size), label),
        tf.data.AUTOTUNE,
        deterministic=True,
    )
    iterator = converted.prefetch(tf.data.AUTOTUNE).as_numpy_iterator()
    images, labels = None, np.empty(count, np.int64)
    all_gray, damage, unequal = True, {}, None
    progress = Progress("Read", count)
    for place in range(count):
        progress.reached(place)
        try:
            image, gray, label = next(iterator)
        except tf.errors.OpError as error:
            damage[place] = describe(place) + fault(error)
            continue
        if images is None:
            images = _room(count, image.shape)
        if image.shape != images.shape[1:]:
            unequal = unequal or (place, image.shape)
            continue
        row = place - len(damage)
        images[row], labels[row] = image, label
        all_gray &= bool(gray)
    if images is None:
        raise damaged([*damage.values()])
    if unequal:
        place, shape = unequal
        raise other_size(describe(place), shape, images.shape[1:])
    whole = count - len(damage)
    images, labels = images[:whole], labels[:whole]
    return images[..., :1].copy() if all_gray else images, labels, damage


def other_size(name, shape, others):
    """The error about an image whose size differs from the others'."""
    return UserError(
        f"{name}: {shape[0]}x{shape[1]} pixels where others have "
        f"{others[0]}x{others[1]}; set --image_size to resize all"
    )


def _room(count, shape):
    try:
        return np.empty((count, *shape), np.uint8)
    except MemoryError:
        raise UserError(
            f"{count} images of {shape[0]}x{shape[1]} pixels do not fit into "
            "memory; set --image_size"
        ) from None
