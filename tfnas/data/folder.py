"""Image files with a class each, read into memory."""

import os
import random

import tensorflow as tf

from tfnas.data import formats
from tfnas.data.dataset import Split
from tfnas.data.decoding import collect
from tfnas.data.duplicates import digest


def load_folder(listing, image_size=None):
    """Reads the files of a `Listing`: its train and its test `Split`.

    Files are listed class by class and then shuffled by a permutation that is
    always the same, that of TFDS's ImageFolder, so that the two halves of a
    search in index order see the same classes. Gray, palette, alpha and 16-bit
    images are read as 8-bit gray or RGB: gray if every image is. Returns the
    digests of the images too, (train, test).
    """
    train = _mixed("train", listing.train)
    test = _mixed("test", listing.test)
    paths, labels = zip(*train, *test, strict=True)
    files = tf.data.Dataset.from_tensor_slices(
        (list(map(os.fsencode, paths)), list(labels))
    ).map(_read)
    # In one go, so that all damaged files are named and channels are equal.
    images, labels = collect(files, len(paths), image_size, paths.__getitem__)
    whole, count = Split(images, labels), len(train)
    parts = whole.take(slice(count)), whole.take(slice(count, None))
    return *parts, [list(map(digest, part.images)) for part in parts]


def _read(path, label):
    # A stateful function would keep other threads waiting.
    content = tf.numpy_function(
        lambda path: formats.read(os.fsdecode(path)),
        [path],
        tf.string,
        stateful=False,
    )
    return tf.ensure_shape(content, ()), label


def _mixed(split, files):
    files = list(files)
    random.Random(split).shuffle(files)
    return files
