"""From the bytes of an image file to the pixels a network takes, in a graph.

The steps are those of training (`tfnas.data.decoding`): 8 bits, gray or RGB,
the right way up, the centred square, an antialiased resize.
"""

import tensorflow as tf

from tfnas.data import decoding

# A photograph of `PIXELS` pixels has fewer.
BYTES = 2**25
# BT.601, as JPEG's own gray.
_GRAY = (0.299, 0.587, 0.114)


def decode(content, shape, crop=1.0):
    """One image file of at most `BYTES` bytes as float32 pixels, whole, 0..255.

    `shape` is the result's (H, W, C), C being 1 or 3; `crop` is the share of
    the shorter side to keep. At run time, files that
    `tfnas.data.decoding.decode` does not read raise
    `tf.errors.InvalidArgumentError`.
    """
    short = tf.debugging.assert_less_equal(
        tf.strings.length(content), BYTES, f"image: more than {BYTES} bytes"
    )
    with tf.control_dependencies([short] if short is not None else []):
        content = tf.identity(content)
    return pixels_of(content, shape, crop)


def pixels_of(content, shape, crop=1.0):
    """The same of a file of any number of bytes."""
    # Pixels stay bytes until few are left: floats are four times as large.
    image = _centre(decoding.decode(content, 3), shape[:2], crop)
    image = tf.image.resize(image, shape[:2], antialias=True)
    image = tf.cast(image, tf.float32)
    if shape[-1] == 1:
        image = tf.tensordot(image, tf.constant(_GRAY), 1)[..., None]
    return tf.clip_by_value(tf.round(image), 0, 255)


def _centre(image, size, crop):
    """The centred part that has the proportions of the result."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    # As many whole units of the result's height and width as fit.
    unit = tf.minimum(height / size[0], width / size[1]) * crop
    rows = tf.maximum(tf.cast(tf.round(unit * size[0]), tf.int32), 1)
    columns = tf.maximum(tf.cast(tf.round(unit * size[1]), tf.int32), 1)
    top, left = (height - rows) // 2, (width - columns) // 2
    return image[top : top + rows, left : left + columns]
