"""Image files as uint8 pixels, and the images of a split as one array."""

import functools
import itertools
from concurrent import futures

import numpy as np
import tensorflow as tf

from tfnas.data import image_headers, orientation
from tfnas.data.files import damaged
from tfnas.data.progress import Progress
from tfnas.errors import UserError

# A photograph of 24 megapixels passes; 100 MB of RGB.
PIXELS = 2**25
# Images in a call, and calls to wait for.
_BLOCK, _BLOCKS = 16, 16


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
        content, pixels, exif = image_headers.examine(content)
        many = pixels > PIXELS
        reason = tf.where(
            many,
            f"image: more than {PIXELS} pixels",
            "image: not a JPEG, PNG, GIF or plain BMP file",
        )
        checked = image_headers.refuse(many | (pixels <= 0), reason)
        with tf.control_dependencies([checked]):
            content = tf.identity(content)
        image = tf.io.decode_image(content, channels, expand_animations=False)
        image = tf.ensure_shape(image, (None, None, channels or None))
        return orientation.upright(image, exif)

    return decode_image


def fault(error):
    """The reason of a refusal, to follow the image's name."""
    if isinstance(error, OSError):
        return f" ({error.strerror})"
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


def convert(content, image_size=None, channels=0):
    """The bytes of an image file as ((H, W, 3), whether it is gray).

    All is uint8. Alpha is dropped, gray is repeated over three channels.
    `image_size` is the side to resize to, or None; `channels` as in `decode`.
    """
    image = decode(content, channels)
    height, width, found = tf.unstack(tf.shape(image))
    gray = found < 3
    # To broadcast to the same shape takes no copy.
    image = tf.broadcast_to(
        image[..., : tf.where(gray, 1, 3)], (height, width, 3)
    )
    if image_size is not None:
        image = fit_square(image, image_size)
    return image, gray


@functools.cache
def converter(image_size=None, channels=0):
    """`convert` of the bytes of files that give one size, traced once."""
    contents = tf.TensorSpec((None,), tf.string)
    image = tf.TensorSpec((image_size, image_size, 3), tf.uint8)

    @tf.function(input_signature=[contents], autograph=False)
    def converted(contents):
        return tf.map_fn(
            lambda content: convert(content, image_size, channels),
            contents,
            fn_output_signature=(image, tf.TensorSpec((), tf.bool)),
            parallel_iterations=1,  # One large image at a time in memory.
        )

    # Traced here: threads that meet an untraced function trace one each.
    return converted.get_concrete_function()


def collect(files, count, image_size, describe, read=bytes, channels=0):
    """Decodes and stacks a split: uint8 (N, H, W, C) and int64 labels (N,).

    `files` yields `count` pairs (file, label); `read` turns a file into its
    bytes, `convert` takes these, and `describe` names the image at a position
    in a message. If every image is gray, the result has one channel. The third
    result is {position: name} of the damaged images, which the arrays leave
    out. A `UserError` names an image whose size differs from the first one's.
    """
    images, labels = None, np.empty(count, np.int64)
    all_gray, damage, unequal = True, {}, None
    progress = Progress("Read", count)
    converted = functools.partial(
        _converted, read, converter(image_size, channels)
    )
    for place, (found, label) in enumerate(_in_order(files, converted)):
        progress.reached(place)
        if isinstance(found, Exception):
            damage[place] = describe(place) + fault(found)
            continue
        image, gray = found
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


def _in_order(files, converted):
    """Yields (what `converted` gives for it, label) for each (file, label)."""
    files = iter(files)
    with futures.ThreadPoolExecutor() as threads:
        # A few blocks at a time: all of them would fill the memory.
        while some := list(itertools.islice(files, _BLOCK * _BLOCKS)):
            names, labels = zip(*some, strict=True)
            starts = range(0, len(names), _BLOCK)
            blocks = [names[start : start + _BLOCK] for start in starts]
            found = itertools.chain.from_iterable(
                threads.map(converted, blocks)
            )
            yield from zip(found, labels, strict=True)


def _converted(read, convert_all, files):
    """[(image, whether it is gray), or the error] of some files."""
    try:
        # At once, since a call takes longer than a small image.
        images, grays = convert_all(tf.constant([*map(read, files)]))
        return [*zip(images.numpy(), grays.numpy(), strict=True)]
    except (OSError, tf.errors.OpError) as error:
        if len(files) == 1:
            return [error]
    # One is damaged, or the sizes differ.
    return [
        one for file in files for one in _converted(read, convert_all, [file])
    ]


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
