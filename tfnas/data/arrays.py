"""Images and labels given in Python, as a `Dataset`."""

import dataclasses

import numpy as np

from tfnas.data.dataset import Dataset, Split, channel_statistics
from tfnas.data.names import ARRAYS
from tfnas.data.parts import held_out
from tfnas.errors import UserError


def from_arrays(
    train, test=None, classes=None, flip=True, test_share=0.2, seed=0
):
    """A `Dataset` of images and labels in memory.

    Args:
        train: (images, labels), or a finite `tf.data.Dataset` of such pairs or
            of batches of them. Images are (N, H, W) or (N, H, W, 1 or 3), in
            0..255; labels class numbers, or one-hot.
        test: the same, or None for a share of each class of `train`.
        classes: names of the classes, by default their numbers.
        flip: whether a mirrored image still shows its class.
        test_share: the share to test on; 0 leaves no test images.
        seed: decides which images are the test's.

    Raises:
        UserError: the arrays are not of this form.

    Example: `from_arrays((images, labels), classes=("cat", "dog"))`.
    """
    images, labels = _pair(train, "data")
    whole = Split(images, labels)
    if test is not None:
        tested = Split(*_pair(test, "test"))
    if classes is None:
        classes = tuple(map(str, range(labels.max() + 1)))
    mean, std = channel_statistics(images)
    dataset = Dataset(
        name=ARRAYS,
        train=whole,
        test=whole.take(slice(0)) if test is None else tested,
        classes=tuple(classes),
        mean=mean,
        std=std,
        flip=flip,
    )
    for split in (dataset.train, dataset.test):
        if len(split) and split.labels.max() >= len(dataset.classes):
            raise UserError(
                f"classes: {len(dataset.classes)} names, but a label is "
                f"{split.labels.max()}; name every class"
            )
    if test is not None or not test_share:
        return dataset
    count = max(1, round(test_share * len(whole)))
    train, test = held_out(dataset, count, "stratified", seed)
    return dataclasses.replace(
        dataset, train=whole.take(train), test=whole.take(test)
    )


def _pair(data, where):
    """Images, uint8 (N, H, W, C), and labels, int64 (N,)."""
    if hasattr(data, "as_numpy_iterator"):
        data = _gathered(data, where)
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise UserError(
            f"{where}: give (images, labels), a tf.data.Dataset of such pairs "
            "or a folder; weights of single images are not taken"
        )
    images, labels = (np.asarray(part) for part in data)
    images = images[..., None] if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise UserError(
            f"{where}: images have shape {images.shape}; give (N, height, "
            "width) or (N, height, width, 1 or 3)"
        )
    labels = _class_numbers(labels, where)
    if len(labels) != len(images) or not len(images):
        raise UserError(
            f"{where}: {len(images)} images and {len(labels)} labels; give "
            "one label for each"
        )
    return _bytes(images, where), labels


def _gathered(data, where):
    """The pairs of a `tf.data.Dataset`, single ones or batches."""
    if int(data.cardinality()) == -1:
        raise UserError(f"{where}: repeats for ever; leave out repeat()")
    parts = [each for each in data.as_numpy_iterator()]
    if not parts or not isinstance(parts[0], tuple) or len(parts[0]) != 2:
        raise UserError(f"{where}: give a tf.data.Dataset of (image, label)")
    images, labels = zip(*parts, strict=True)
    join = np.concatenate if _is_batch(*data.element_spec) else np.stack
    return join(images), join(labels)


def _is_batch(image, label):
    """Whether an element of these shapes is a batch, gray images included."""
    if image.shape.rank != 3 or label.shape.rank != 1:
        return image.shape.rank == 4 or label.shape.rank == 2
    return image.shape[0] == label.shape[0]


def _class_numbers(labels, where):
    """Class numbers from class numbers, a column of them or one-hot rows."""
    if labels.ndim == 2:
        one_hot = labels.shape[1] > 1
        if one_hot and not (np.sort(labels)[:, :-1] == 0).all():
            raise UserError(
                f"{where}: an image has several labels; give one class each"
            )
        labels = labels.argmax(1) if one_hot else labels[:, 0]
    whole = labels.ndim == 1 and np.issubdtype(labels.dtype, np.number)
    if not whole or (labels != np.floor(labels)).any() or (labels < 0).any():
        raise UserError(
            f"{where}: labels are not class numbers from 0; give one whole "
            "number, or a one-hot row, for each image"
        )
    return labels.astype(np.int64)


def _bytes(images, where):
    """Images in 0..255 as uint8; images in 0..1 are refused, not guessed at."""
    if images.dtype == np.uint8:
        return images
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 255):
        raise UserError(
            f"{where}: images have values from {low} to {high}; give 0 to 255"
        )
    if np.issubdtype(images.dtype, np.floating) and high <= 1:
        raise UserError(
            f"{where}: images have values from {low} to {high}; multiply them "
            "by 255"
        )
    return np.round(images).astype(np.uint8)
