"""A folder of images, one folder for each class."""

import os
import random

import tensorflow as tf

from tfnas.data.dataset import Split
from tfnas.data.decoding import collect
from tfnas.data.files import labelled
from tfnas.data.request import class_names


def load_folder(data_dir, image_size=None):
    """Reads `data_dir`/train/CLASS/* and `data_dir`/test/CLASS/*.

    Returns the train `Split`, the test `Split` and the class names in order.
    Files are listed class by class and then shuffled by a permutation that is
    always the same, that of TFDS's ImageFolder, so that the two halves of a
    search in index order see the same classes. Gray, palette, alpha and 16-bit
    images are read as 8-bit gray or RGB: gray if every image is.
    """
    classes = class_names(data_dir)
    train, test = (_mixed(data_dir, x, classes) for x in ("train", "test"))
    paths, labels = zip(*train, *test, strict=True)
    files = tf.data.Dataset.from_tensor_slices(
        (list(map(os.fsencode, paths)), list(labels))
    ).map(lambda path, label: (tf.io.read_file(path), label))
    # In one go, so that all damaged files are named and channels are equal.
    images, labels = collect(files, len(paths), image_size, paths.__getitem__)
    whole, count = Split(images, labels), len(train)
    return whole.take(slice(count)), whole.take(slice(count, None)), classes


def _mixed(data_dir, split, classes):
    files = labelled(data_dir, split, classes)
    random.Random(split).shuffle(files)
    return files
