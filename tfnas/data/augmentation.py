"""Crop, flip, normalisation and cutout of whole batches.

The recipe of all four methods on CIFAR: zero-pad by 4 and crop at random,
mirror with probability 1/2, normalise, then cut out a square (DeVries and
Taylor, 2017) whose centre is uniform over the pixels and which the border
clips. Padding means black pixels, so it comes before normalisation. Random
numbers come from `draw`, so every function here depends only on its arguments.
"""

import numpy as np
import tensorflow as tf

from tfnas.data import draws


def padding(side):
    """Pixels to pad a side with: an eighth of it, 4 at 32 pixels."""
    return max(1, (side + 4) // 8)


def paddings(image_shape, crop_padding=None):
    """Pixels to pad rows and columns with; None for an eighth of the side."""
    if crop_padding is not None:
        return crop_padding, crop_padding
    return padding(image_shape[0]), padding(image_shape[1])


def draw(
    indices,
    image_shape,
    *,
    seed,
    epoch,
    flip,
    flips="random",
    crop_padding=None,
):
    """Draws the numbers that augment a batch: int32 array (N, 5).

    They are the crop's row and column in the padded image, 1 for a mirrored
    image, the cutout centre's row and column. Epochs count from 0.

    "alternate" flips mirror an image in every other epoch; the seed decides
    whether it begins mirrored. So two epochs show both sides of every image
    (Jordan, arXiv:2404.00498, section 3.6).
    """
    height, width, _ = image_shape
    down, right = paddings(image_shape, crop_padding)
    bounds = {
        draws.CROP_ROW: 2 * down + 1,
        draws.CROP_COLUMN: 2 * right + 1,
        draws.FLIP: 2 if flip else 1,
        draws.CUTOUT_ROW: height,
        draws.CUTOUT_COLUMN: width,
    }
    columns = [
        draws.integers(seed, epoch, purpose, indices, bound)
        for purpose, bound in bounds.items()
    ]
    if flip and flips == "alternate":
        first = draws.integers(seed, 0, draws.FLIP, indices, 2)
        columns[2] = (first + epoch) % 2
    return np.stack(columns, axis=1)


def crop_and_flip(images, numbers, crop_padding=None):
    """Pads (N, H, W, C) with zeros, crops to the old size and mirrors.

    The numbers are those of `draw`.
    """
    _, height, width, channels = images.shape
    down, right = paddings((height, width), crop_padding)
    padded = tf.pad(images, [[0, 0], [down, down], [right, right], [0, 0]])
    top, left, flip = numbers[:, 0:1], numbers[:, 1:2], numbers[:, 2:3]
    rows = top + tf.range(height)
    columns = tf.range(width)
    columns = left + tf.where(flip == 1, width - 1 - columns, columns)
    # One gather over the pixels of the batch is the fastest form measured.
    batch = tf.range(tf.shape(images)[0])[:, None]
    rows = (batch * (height + 2 * down) + rows) * (width + 2 * right)
    pixels = rows[:, :, None] + columns[:, None, :]
    return tf.gather(tf.reshape(padded, [-1, channels]), pixels)


def normalize(images, mean, std):
    """Scales uint8 images to zero mean and unit deviation by channel, float32.

    Mean and deviation are C floats each, in 0..1 units.
    """
    mean, std = np.asarray(mean), np.asarray(std)
    scale = tf.constant(1 / (255 * std), tf.float32)
    shift = tf.constant(mean / std, tf.float32)
    return tf.cast(images, tf.float32) * scale - shift


def cut_out(images, numbers, length):
    """Zeroes a square of `length` pixels a side in normalised images.

    As in the authors' code, an odd length loses a pixel. The numbers are those
    of `draw`.
    """

    def inside(size, centre):
        distance = tf.range(size) - centre
        return (distance >= -(length // 2)) & (distance < length // 2)

    _, height, width, _ = images.shape
    rows = inside(height, numbers[:, 3:4])
    columns = inside(width, numbers[:, 4:5])
    hole = (rows[:, :, None] & columns[:, None, :])[..., None]
    return tf.where(hole, tf.zeros_like(images), images)
