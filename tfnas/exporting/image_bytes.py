"""From the bytes of an image file to the pixels a network takes, in a graph.

The steps are those of training (`tfnas.data.decoding`): 8 bits, gray or RGB,
the centred square, an antialiased resize. A file says how large it is before
it is decoded, and one that is too large is refused by what it says: a few
kilobytes of PNG may unfold to gigabytes.
"""

import tensorflow as tf

# 4096 x 4096, 50 MB of RGB.
PIXELS = 2**24
BYTES = 2**24
# So far a header is read; no image file is shorter.
HEADER = 26
# BT.601, as JPEG's own gray.
_GRAY = (0.299, 0.587, 0.114)


def decode(content, shape, crop=1.0):
    """One image file as pixels.

    Args:
        content: scalar string tensor: JPEG, PNG, GIF (its first picture) or
            24-bit BMP.
        shape: (H, W, C) of the result, C being 1 or 3.
        crop: the share of the shorter side that is kept.

    Returns:
        float32 tensor of that shape, whole numbers in 0..255.

    Raises:
        tf.errors.InvalidArgumentError: when it runs, for anything else.

    Example: `decode(tf.io.read_file("cat.jpg"), (32, 32, 3))`.
    """
    with tf.control_dependencies(_bounded(content)):
        content = tf.identity(content)
    image = tf.io.decode_image(content, channels=3, expand_animations=False)
    image = tf.cast(image, tf.float32)
    if shape[-1] == 1:
        image = tf.tensordot(image, tf.constant(_GRAY), 1)[..., None]
    image = _centre(image, shape[:2], crop)
    image = tf.image.resize(image, shape[:2], antialias=True)
    return tf.clip_by_value(tf.round(image), 0, 255)


def _centre(image, size, crop):
    """The centred part that has the proportions of the result."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    # Of a unit of the result's height and width, as many pixels as fit.
    unit = tf.minimum(height / size[0], width / size[1]) * crop
    rows = tf.maximum(tf.cast(tf.round(unit * size[0]), tf.int32), 1)
    columns = tf.maximum(tf.cast(tf.round(unit * size[1]), tf.int32), 1)
    top, left = (height - rows) // 2, (width - columns) // 2
    return image[top : top + rows, left : left + columns]


# === Bounds ===


def _bounded(content):
    """Assertions that a file is short and says that it has few pixels."""
    length = tf.strings.length(content)
    lengths = [
        tf.debugging.assert_less_equal(
            length, BYTES, f"image: more than {BYTES} bytes"
        ),
        tf.debugging.assert_greater_equal(
            length, HEADER, f"image: less than {HEADER} bytes"
        ),
    ]
    with tf.control_dependencies(lengths):
        pixels = _pixels(content)
    return [
        tf.debugging.assert_less_equal(
            pixels,
            tf.constant(PIXELS, tf.int64),
            f"image: more than {PIXELS} pixels",
        )
    ]


def _pixels(content):
    """Height times width as the file's header has them; 0 if unknown."""

    def starts(magic):
        head = tf.strings.substr(content, 0, len(magic))
        return tf.equal(head, tf.constant(magic))

    def product(kind, at, length, little_endian):
        def read():
            raw = tf.strings.substr(content, at, length)
            sides = tf.io.decode_raw(raw, kind, little_endian)
            # A BMP whose height is negative stands upside down.
            return tf.reduce_prod(tf.abs(tf.cast(sides, tf.int64)))

        return read

    def jpeg():
        shape = tf.image.extract_jpeg_shape(content)
        return tf.reduce_prod(tf.cast(shape[:2], tf.int64))

    return tf.case(
        [
            (starts(b"\x89PNG"), product(tf.int32, 16, 8, False)),
            (starts(b"\xff\xd8\xff"), jpeg),
            (starts(b"GIF8"), product(tf.uint16, 6, 4, True)),
            (starts(b"BM"), product(tf.int32, 18, 8, True)),
        ],
        default=lambda: tf.constant(0, tf.int64),
    )
