"""Images of any file into one uint8 array."""

import numpy as np
import tensorflow as tf

from tfnas.errors import UserError


def fit_square(images, size):
    """Crops the largest centred square and resizes it.

    Args:
        images: uint8 array (..., H, W, C) of one image or a batch.
        size: the new height and width.

    Returns:
        uint8 tensor (..., size, size, C).
    """
    height, width = tf.shape(images)[-3], tf.shape(images)[-2]
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    images = images[..., top : top + side, left : left + side, :]
    images = tf.image.resize(images, (size, size), antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(images), 0, 255), tf.uint8)


def collect(examples, count, image_size, describe):
    """Decodes and stacks the images of a split.

    Alpha is dropped. If every image is gray the result has one channel,
    otherwise gray is spread over three.

    Args:
        examples: `tf.data.Dataset` of (image, label), the image a uint8
            tensor (H, W, C) or the bytes of a file.
        count: how many examples there are.
        image_size: the side to resize to, or None.
        describe: function of a position that names the image in a message.

    Returns:
        uint8 array (N, H, W, C) and int64 array (N,).

    Raises:
        UserError: an image is damaged or of another size than the first.
    """

    def convert(image, label):
        if image.dtype == tf.string:
            image = tf.io.decode_image(image, expand_animations=False)
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
    all_gray = True
    for place in range(count):
        try:
            image, label, gray = next(iterator)
        except tf.errors.OpError:
            raise UserError(
                f"{describe(place)}: not a readable image; replace or remove it"
            ) from None
        if images is None:
            images = np.empty((count, *image.shape), np.uint8)
        elif image.shape != images.shape[1:]:
            raise UserError(
                f"{describe(place)}: {image.shape[0]}x{image.shape[1]} "
                f"pixels where others have {images.shape[1]}x"
                f"{images.shape[2]}; set --image_size to resize all"
            )
        images[place], labels[place] = image, label
        all_gray &= bool(gray)
    return images[..., :1].copy() if all_gray else images, labels
