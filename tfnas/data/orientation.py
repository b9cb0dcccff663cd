"""Photographs the right way up: EXIF's orientation, applied in a graph.

A camera stores what its sensor saw and how it was held: tag 0x0112 in the first
directory of a TIFF structure, in either byte order. Pillow's
`ImageOps.exif_transpose` does the same to an image in memory. An orientation
only in XMP is not read.
"""

import numpy as np
import tensorflow as tf

from tfnas.data.branches import choose

# A directory's entry: the tag, the type of a 16-bit number, a count of 1.
_BIG = np.array([0x01, 0x12, 0, 3, 0, 0, 0, 1])
_LITTLE = np.array([0x12, 0x01, 3, 0, 1, 0, 0, 0])
_ENTRY = 12
# The orientations that need a transposition, and those that need rows or
# columns mirrored after it.
_TRANSPOSED, _ROWS, _COLUMNS = (5, 6, 7, 8), (3, 4, 7, 8), (2, 3, 6, 7)


def of_exif(block):
    """The orientation in an EXIF block, int32 from 1 to 8, whatever its bytes.

    The block is TIFF from its byte order mark on; if it says nothing, 1, as
    stored.
    """
    values = tf.cast(tf.io.decode_raw(block, tf.uint8), tf.int64)
    values = tf.pad(values, [[0, 8]])
    mark = tf.strings.substr(block, 0, 4)
    little = mark == b"II*\0"

    def number(places):
        weights = 256 ** np.arange(places)
        return tf.where(little, weights, weights[::-1])

    start = tf.reduce_sum(values[4:8] * number(4))
    start = tf.minimum(start, tf.size(values, tf.int64) - 2)
    count = tf.reduce_sum(values[start : start + 2] * number(2))
    entries = values[start + 2 : start + 2 + count * _ENTRY]
    whole = tf.size(entries) // _ENTRY * _ENTRY
    entries = tf.reshape(entries[:whole], (-1, _ENTRY))
    ours = tf.reduce_all(
        entries[:, :8] == tf.where(little, _LITTLE, _BIG), axis=1
    )
    found = tf.reduce_sum(entries[:, 8:10] * number(2), axis=1)
    found = tf.concat([tf.boolean_mask(found, ours), [1]], 0)[0]
    known = (little | (mark == b"MM\0*")) & (found >= 1) & (found <= 8)
    return tf.cast(tf.where(known, found, 1), tf.int32)


def upright(image, block):
    """Turns and mirrors an image as its EXIF block, which may be empty, asks.

    (H, W, C) may become (W, H, C).
    """
    return choose(
        tf.cast(tf.equal(block, b""), tf.int32),
        [_turned, lambda image, block: image],
        *(image, block),
    )


def _turned(image, block):
    orientation = of_exif(block)

    def among(numbers):
        return tf.reduce_any(tf.equal(orientation, numbers))

    def turned():
        transposed = tf.cond(
            among(_TRANSPOSED),
            lambda: tf.transpose(image, (1, 0, 2)),
            lambda: image,
        )
        mirrored = tf.stack([among(_ROWS), among(_COLUMNS), False])
        return tf.raw_ops.Reverse(tensor=transposed, dims=mirrored)

    return tf.cond(tf.equal(orientation, 1), lambda: image, turned)
