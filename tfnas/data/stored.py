"""Images that stay in their files and look like an array in memory.

They give the same batches as images in memory, bit for bit, for the time that
decoding takes.
"""

import contextlib
import copy
import dataclasses
import functools
import math
from concurrent import futures

import numpy as np
import tensorflow as tf

from tfnas.data import formats
from tfnas.data.checking import check_listing
from tfnas.data.dataset import Split
from tfnas.data.decoding import converter, other_size
from tfnas.data.folder import mixed
from tfnas.devices.free_memory import available_memory


class StoredImages:
    """Image files, decoded on demand.

    Args:
        paths: the files.
        image_shape: (height, width, channels) that they are brought to.
        image_size: the side to resize to, or None.
    """

    def __init__(self, paths, image_shape, image_size):
        self.paths = np.array(paths, object)
        self.shape = (len(paths), *image_shape)
        self.image_size = image_size

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, places):
        """Uint8 (N, H, W, C) of a slice or of an array of places."""
        paths = self.paths[places].tolist()
        found = np.empty((len(paths), *self.shape[1:]), np.uint8)
        for place, image in enumerate(_threads().map(self._read, paths)):
            found[place] = image
        return found

    def take(self, places):
        """Only these files."""
        taken = copy.copy(self)
        taken.paths = self.paths[places]
        taken.shape = (len(taken.paths), *self.shape[1:])
        return taken

    def _read(self, path):
        images, _ = converter(self.image_size)(
            tf.constant([formats.read(path)])
        )
        return images.numpy()[0, ..., : self.shape[-1]]


@dataclasses.dataclass(frozen=True, eq=False)
class StoredSplit(Split):
    """A `Split` whose images are `StoredImages`; `root` is as in `check`."""

    root: str

    def take(self, places):
        return dataclasses.replace(
            self, images=self.images.take(places), labels=self.labels[places]
        )

    @property
    def paths(self):
        """The files."""
        return self.images.paths.tolist()


def load_stored(listing, image_size=None, skip_damaged=False):
    """Finds the files of a `Listing` that are too many for memory.

    It checks them all. Takes and returns what `load_folder` does, in the same
    order, with `StoredSplit` for the splits.
    """
    listing, found = check_listing(listing, skip_damaged)
    whole = {path: one for path, one in found.items() if one.digest}
    sizes = {path: (one.height, one.width) for path, one in whole.items()}
    size = next(iter(sizes.values()))
    for path, other in sizes.items():
        if image_size is None and other != size:
            raise other_size(path, other, size)
    size = size if image_size is None else (image_size, image_size)
    all_gray = all(one.is_gray for one in whole.values())
    shape = (*size, 1 if all_gray else 3)

    def split(name):
        paths, labels = zip(*mixed(listing, name), strict=True)
        images = StoredImages(paths, shape, image_size)
        return StoredSplit(images, np.array(labels, np.int64), listing.root)

    train, test = split("train"), split("test")
    digests = [[found[path].digest for path in x.paths] for x in (train, test)]
    return listing, train, test, digests


def too_large(listing, image_size=None):
    """One line if the images of a `Listing` do not fit into memory, or None.

    They may take half of the free memory; the rest is for the computation.
    """
    files = [*listing.train, *listing.test]
    shape = _shape_of_one(files, image_size)
    need, free = len(files) * math.prod(shape), available_memory()
    if need <= free / 2:
        return None
    return (
        f"Memory: {len(files):,} images of {shape[0]}x{shape[1]} pixels take "
        f"{need / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; they stay in "
        "their files and are decoded for each batch"
    )


def _shape_of_one(files, image_size):
    """The shape in memory of the first image that is not damaged."""
    for path, _ in files:
        with contextlib.suppress(OSError, tf.errors.OpError):
            images, _ = converter(image_size)(tf.constant([formats.read(path)]))
            return images.shape[1:]
    return (0, 0, 3)


@functools.cache
def _threads():
    return futures.ThreadPoolExecutor()
