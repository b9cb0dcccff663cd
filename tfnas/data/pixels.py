"""From sample indices to normalised, augmented images.

Arrays are cropped, mirrored and cut out as on CIFAR; files are decoded, cropped
and jittered as on ImageNet. Each way is a `Pixels`: a part that reads in Python
and a part that TensorFlow computes.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from tfnas.data import augmentation, imagenet
from tfnas.data.encoded import EncodedSplit


@dataclasses.dataclass(frozen=True)
class Pixels:
    """How a batch is made.

    Args:
        read: function of (places, epoch): arrays of a batch.
        signature: `tf.TensorSpec` of each of them.
        finish: function of them as tensors: (images, labels).
    """

    read: Callable
    signature: tuple
    finish: Callable


def training_pixels(
    dataset,
    *,
    seed,
    augment,
    cutout,
    jitter,
    flips="random",
    crop_padding=None,
):
    """The way from places in `dataset.train` to augmented images.

    `augment` crops and flips, `cutout` is the square's side in pixels, 0 for
    none, `jitter` changes colours as ImageNet's training does. `flips` and
    `crop_padding` are those of `augmentation.draw`.
    """
    if isinstance(dataset.train, EncodedSplit):
        return _of_files(dataset, dataset.train, seed, augment, jitter)
    drawn = {"flips": flips, "crop_padding": crop_padding}
    return _of_arrays(dataset, dataset.train, seed, augment, cutout, **drawn)


def evaluation_pixels(dataset, split):
    """The way from places in a split of files to whole images."""
    if not isinstance(split, EncodedSplit):
        return _of_arrays(dataset, split, 0, False, 0)
    return _of_files(dataset, split, 0, False, False)


def _of_arrays(
    dataset, split, seed, augment, cutout, flips="random", crop_padding=None
):
    shape = dataset.image_shape

    def read(places, epoch):
        numbers = augmentation.draw(
            places,
            shape,
            seed=seed,
            epoch=epoch,
            flip=dataset.flip,
            flips=flips,
            crop_padding=crop_padding,
        )
        return split.images[places], split.labels[places], numbers

    def finish(images, labels, numbers):
        if augment:
            images = augmentation.crop_and_flip(images, numbers, crop_padding)
        images = augmentation.normalize(images, dataset.mean, dataset.std)
        if cutout:
            images = augmentation.cut_out(images, numbers, cutout)
        return images, labels

    signature = (
        tf.TensorSpec((None, *shape), tf.uint8),
        tf.TensorSpec((None,), tf.int64),
        tf.TensorSpec((None, 5), tf.int32),
    )
    return Pixels(read, signature, finish)


def _of_files(dataset, split, seed, augment, jitter):
    def read(places, epoch):
        numbers = imagenet.draw(
            split.indices[places], seed=seed, epoch=epoch, flip=dataset.flip
        )
        return *split.files(places), numbers

    def one(file_and_numbers):
        file, numbers = file_and_numbers
        image = imagenet.decode(file)
        if not augment:
            return imagenet.centre_crop(image, split.side)
        image = imagenet.random_resized_crop(image, numbers, split.side)
        return imagenet.colour_jitter(image, numbers) if jitter else image

    def finish(files, labels, numbers):
        images = tf.map_fn(
            one,
            (files, numbers),
            fn_output_signature=tf.TensorSpec(split.image_shape, tf.float32),
        )
        images = augmentation.normalize(images, dataset.mean, dataset.std)
        return images, labels

    signature = (
        tf.TensorSpec((None,), tf.string),
        tf.TensorSpec((None,), tf.int64),
        tf.TensorSpec((None, 28), tf.float32),
    )
    return Pixels(read, signature, finish)
