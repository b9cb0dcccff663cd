"""ImageNet's augmentation, one image at a time, and its evaluation crop.

A random part of the image is resized to a square and mirrored, its colours are
jittered; for evaluation the shorter side becomes 8/7 of the square's and the
centre is cut out (256 and 224 pixels). The form is torchvision's
(`RandomResizedCrop`, `ColorJitter`, `Resize`, `CenterCrop`), with the values of
the ImageNet scripts of DARTS and P-DARTS. Random numbers come from `draw`, so
every function here depends only on its arguments.
"""

import functools
import itertools
import math

import tensorflow as tf

from tfnas.data import decoding, draws

SIDE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

TRIES = 10
_SMALLEST_AREA, _WIDEST = 0.08, 4 / 3
_COLOURS, _HUE = 0.4, 0.2
_ORDERS = list(itertools.permutations(range(4)))
# Red, green and blue in the gray of ITU-R BT.601, which PIL uses.
_GRAY = (0.299, 0.587, 0.114)


def draw(indices, *, seed, epoch, flip):
    """Draws the numbers that augment a batch: float32 (N, 28), 0 to below 1.

    They are the crop's area at ten tries and its ratio at each, row and column,
    mirrored if below 1/2; brightness, contrast, saturation, hue, and the order
    of these four. Epochs count from 0.
    """
    purposes = (
        *draws.CROP_TRIES,
        draws.CROP_ROW,
        draws.CROP_COLUMN,
        draws.FLIP,
        *draws.JITTER,
    )
    numbers = draws.uniforms(seed, epoch, purposes, indices)
    if not flip:
        numbers[:, 2 * TRIES + 2] = 0.5
    return numbers


def crop_box(height, width, numbers):
    """Where to crop: the first try that fits, else the centre.

    Takes the (28,) numbers of `draw`; returns float32 (4,) of whole numbers:
    top, left, height, width.
    """
    height, width = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    areas = _SMALLEST_AREA + (1 - _SMALLEST_AREA) * numbers[:TRIES]
    areas *= height * width
    widest = math.log(_WIDEST)
    ratios = tf.exp(widest * (2 * numbers[TRIES : 2 * TRIES] - 1))
    heights = tf.round(tf.sqrt(areas / ratios))
    widths = tf.round(tf.sqrt(areas * ratios))
    fits = (heights >= 1) & (heights <= height)
    fits &= (widths >= 1) & (widths <= width)
    first = tf.argmax(fits)
    tall = tf.stack([heights[first], tf.round(width * _WIDEST)])
    wide = tf.stack([widths[first], tf.round(height * _WIDEST)])
    tried = tf.reduce_any(fits)
    size = tf.where(
        tried,
        tf.stack([tall[0], wide[0]]),
        tf.minimum(tf.stack([height, width]), tf.stack([tall[1], wide[1]])),
    )
    room = tf.stack([height, width]) - size
    row_and_column = numbers[2 * TRIES : 2 * TRIES + 2]
    at = tf.where(tried, row_and_column * (room + 1), room / 2)
    return tf.concat([tf.floor(at), size], 0)


def random_resized_crop(image, numbers, side):
    """Crops a random part, resizes it to a square, mirrors every other one.

    The (28,) numbers of `draw` turn (H, W, 3) into float32 (side, side, 3) in
    the unit of the image.
    """
    box = crop_box(tf.shape(image)[0], tf.shape(image)[1], numbers)
    top, left, height, width = tf.unstack(tf.cast(box, tf.int32))
    image = image[top : top + height, left : left + width]
    image = tf.image.resize(image, (side, side), antialias=True)
    mirrored = numbers[2 * TRIES + 2] < 0.5
    return tf.where(mirrored, tf.reverse(image, [1]), image)


def colour_jitter(image, numbers):
    """Changes brightness, contrast, saturation and hue, in any order.

    The image is float32 (H, W, 3), 0..255, the numbers those of `draw`. The
    first three factors are within 0.4 of 1, the hue turns by up to a fifth of
    the circle.
    """
    spread = 2 * numbers[2 * TRIES + 3 : 2 * TRIES + 7] - 1
    brightness, contrast, saturation = tf.unstack(1 + _COLOURS * spread[:3])
    steps = (
        lambda x: _blend(x, 0.0, brightness),
        lambda x: _blend(x, tf.reduce_mean(_gray(x)), contrast),
        lambda x: _blend(x, _gray(x), saturation),
        lambda x: 255 * tf.image.adjust_hue(x / 255, _HUE * spread[3]),
    )
    number = tf.cast(numbers[2 * TRIES + 7] * len(_ORDERS), tf.int32)
    order = tf.constant(_ORDERS)[number]
    image = tf.convert_to_tensor(image, tf.float32)
    for place in range(len(steps)):
        branches = [functools.partial(step, image) for step in steps]
        image = tf.switch_case(order[place], branches)
    return image


def _gray(image):
    return tf.reduce_sum(image * _GRAY, -1, keepdims=True)


def _blend(image, other, factor):
    return tf.clip_by_value(factor * image + (1 - factor) * other, 0, 255)


def centre_crop(image, side):
    """Resizes the shorter side to 8/7 of a square's and cuts out the centre.

    (H, W, 3) becomes float32 (side, side, 3) in the unit of the image.
    """
    shape = tf.cast(tf.shape(image)[:2], tf.int64)
    size = shape * round(side * 256 / 224) // tf.reduce_min(shape)
    scale, corner = size / shape, tf.round((size - side) / 2)
    # A very long image would not fit into memory enlarged, so only the pixels
    # of the square are resized.
    reach = tf.maximum(1 / scale, 1) + 1
    start = tf.maximum(tf.floor(corner / scale - reach), 0)
    stop = tf.math.ceil((corner + side) / scale + reach)
    (top, left), (bottom, right) = (
        tf.unstack(tf.cast(place, tf.int64)) for place in (start, stop)
    )
    image = tf.raw_ops.ScaleAndTranslate(
        images=image[None, top:bottom, left:right],
        size=(side, side),
        scale=tf.cast(scale, tf.float32),
        translation=tf.cast(start * scale - corner, tf.float32),
        kernel_type="triangle",
        antialias=True,
    )
    return tf.ensure_shape(image[0], (side, side, 3))


def decode(file):
    """An image file's bytes as a uint8 tensor (H, W, 3), the right way up."""
    return decoding.decode(file, 3)
