"""A folder of images, one folder for each class."""

import itertools

import tensorflow as tf

from tfnas.data.dataset import Split
from tfnas.data.decoding import collect
from tfnas.data.request import class_names
from tfnas.errors import UserError


def load_folder(data_dir, image_size=None):
    """Reads `data_dir`/train/CLASS/* and `data_dir`/test/CLASS/*.

    Files are grouped by class, so the two halves of a search would see
    different classes; TFDS's ImageFolder therefore shuffles them by a
    permutation that is always the same. Gray, palette, alpha and 16-bit
    images are read as 8-bit gray or RGB: gray if every image is.

    Args:
        data_dir: the folder.
        image_size: see `load`.

    Returns:
        The train `Split`, the test `Split`, the class names in order.

    Raises:
        UserError: a folder or an image cannot be used.
    """
    import tensorflow_datasets as tfds

    classes = class_names(data_dir)
    builder = tfds.folder_dataset.ImageFolder(str(data_dir))
    _check_labels(data_dir, classes, builder.info.features["label"].names)
    train, test = (
        _read(builder, name, image_size) for name in ("train", "test")
    )
    return *_same_channels(train, test), classes


def _check_labels(data_dir, classes, labels):
    foreign = sorted(set(labels) - set(classes))
    if foreign:
        raise UserError(
            f"{data_dir}: class {foreign[0]} has no folder in train/; add "
            "one or remove the class"
        )


def _read(builder, split, image_size):
    import tensorflow_datasets as tfds

    raw = builder.as_dataset(
        split, decoders={"image": tfds.decode.SkipDecoding()}
    )

    def describe(place):
        files = raw.map(lambda example: example["image/filename"])
        files = files.as_numpy_iterator()
        return next(itertools.islice(files, place, None)).decode()

    examples = raw.map(lambda example: (example["image"], example["label"]))
    count = builder.info.splits[split].num_examples
    return Split(*collect(examples, count, image_size, describe))


def _same_channels(train, test):
    """Spreads gray over three channels if the other split has colours."""
    channels = max(split.images.shape[-1] for split in (train, test))
    return tuple(
        split
        if split.images.shape[-1] == channels
        else Split(tf.repeat(split.images, channels, -1).numpy(), split.labels)
        for split in (train, test)
    )
