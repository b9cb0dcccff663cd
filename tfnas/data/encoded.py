"""Images that stay in their files and are decoded batch by batch.

ImageNet does not fit into memory, and its images are of all sizes. Its splits
know where each image is; `tfnas.data.pixels` reads what a batch needs.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from concurrent import futures

import numpy as np
import tensorflow as tf

from tfnas.data import draws, formats, imagenet
from tfnas.data.catalog import prepared_builder, supervised_keys
from tfnas.data.checking import check, check_listing
from tfnas.data.decoding import fault
from tfnas.data.files import damaged
from tfnas.data.records import Records
from tfnas.errors import UserError

_BLOCK = 1024


@dataclasses.dataclass(frozen=True, eq=False)
class EncodedSplit:
    """Image files with their labels.

    Args:
        read: function of an index: (the bytes of a file that `decode` of
            `imagenet` takes, the label).
        read_labels: function that gives the labels of all indices, int64.
        describe: function of an index that names the image in a message.
        indices: int64 array (N,), the indices that belong to the split.
        side: height and width, in pixels, that images will be brought to.
        root: the folder of the files as in `check`; None for records.
    """

    read: Callable
    read_labels: Callable
    describe: Callable
    indices: np.ndarray
    side: int
    root: str | None = None

    def __len__(self):
        return len(self.indices)

    @functools.cached_property
    def labels(self):
        """int64 array (N,); no image is decoded."""
        return self.read_labels()[self.indices]

    @property
    def image_shape(self):
        """(height, width, channels) of an image in a batch."""
        return (self.side, self.side, 3)

    @property
    def paths(self):
        """The files, or the names of records."""
        return [self.describe(index) for index in self.indices.tolist()]

    def take(self, places):
        """The split of only these images."""
        return dataclasses.replace(self, indices=self.indices[places])

    def files(self, places):
        """Object array of bytes and int64 array of labels, (N,) both."""
        files, labels = zip(
            *map(self.read, self.indices[places].tolist()), strict=True
        )
        return np.array(files, object), np.array(labels, np.int64)


def load_records(name, data_dir, side):
    """Finds the images of a prepared TFDS dataset.

    Returns the train `EncodedSplit`, the test one and the class names, and
    raises what `tfnas.data.load` does.
    """
    builder = prepared_builder(name, data_dir)
    image, label = supervised_keys(name, builder)

    def split(part):
        records = Records(builder, part, image, label)
        return EncodedSplit(
            records.read,
            functools.cache(records.labels),
            records.describe,
            np.arange(len(records)),
            side,
        )

    parts = [x for x in ("test", "validation") if x in builder.info.splits]
    tests = [split(part) for part in parts if part != "train"]
    # ImageNet's test images have no labels; its validation images stand in.
    tests = [test for test in tests if test.read(0)[1] >= 0]
    if not tests or "train" not in builder.info.splits:
        raise UserError(
            f"--dataset={name}: has no labelled train and test splits; use a "
            "dataset with both"
        )
    return split("train"), tests[0], tuple(builder.info.features[label].names)


def load_files(listing, side, skip_damaged=False):
    """Finds the files of a `Listing` and checks them all.

    A fixed permutation shuffles them, so that the two halves of a search see
    the same classes. Returns and raises what `load_folder` does, with
    `EncodedSplit` for the splits.
    """
    listing, found = check_listing(listing, skip_damaged)

    def split(files):
        labels = np.array([label for _, label in files], np.int64)

        def read(index):
            path, label = files[index]
            return formats.read(path), label

        return EncodedSplit(
            read,
            lambda: labels,
            lambda index: files[index][0],
            draws.shuffled(0, 0, np.arange(len(files))),
            side,
            listing.root,
        )

    both = listing.train, listing.test
    digests = [[found[path].digest for path, _ in files] for files in both]
    return listing, *map(split, both), digests


def damaged_images(split):
    """The names of a split's images that cannot be decoded, in file order.

    Files that have changed since the check are decoded again.
    """
    if split.root is not None:
        paths = sorted(split.paths)
        found = zip(paths, check(paths, split.root), strict=True)
        return [path + one.fault for path, one in found if not one.digest]

    def named(index):
        try:
            imagenet.decode(split.read(index)[0])
        except tf.errors.OpError as error:
            return split.describe(index) + fault(error)
        return None

    found, indices = [], np.sort(split.indices)
    with futures.ThreadPoolExecutor() as threads:
        # In blocks: a million waiting tasks would take a gigabyte.
        for start in range(0, len(indices), _BLOCK):
            block = indices[start : start + _BLOCK].tolist()
            found += filter(None, threads.map(named, block))
    return found


@contextlib.contextmanager
def damage_named(dataset):
    """Name the images that stopped a run because they cannot be decoded.

    TensorFlow's error names no file; a `UserError` replaces it. A folder's
    images are read before the first epoch; this is for records, and for files
    damaged or lost later.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError:
        _name_damage(dataset, hasattr(dataset.train, "root"))
        raise
    except (tf.errors.OpError, FileNotFoundError):
        # The error is about something else: do not decode every record.
        _name_damage(dataset, getattr(dataset.train, "root", None))
        raise


def _name_damage(dataset, asked):
    splits = (dataset.train, dataset.test) if asked else ()
    damage = [name for split in splits for name in damaged_images(split)]
    if damage and dataset.train.root is None:
        raise damaged(damage) from None
    if damage:
        raise damaged(
            damage,
            "restore {them} and go on with --resume, or start a new run with "
            "--skip_damaged",
        ) from None
