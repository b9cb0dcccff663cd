"""Test images that are also training images, by a hash of their pixels."""

import hashlib
import pathlib

import numpy as np

from tfnas.data.files import readable


def digest(pixels):
    """A hash of an image's size and pixels, uint8 (H, W, C)."""
    found = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    found.update(np.ascontiguousarray(pixels))
    return found.hexdigest()


def line(root, train, test):
    """One line on test images that equal a training image, or None.

    Args:
        root: the folder of the images.
        train: the digests of the training images.
        test: those of the test images.
    """
    known = set(train)
    count = sum(one in known for one in test)
    if not count:
        return None
    name = readable(pathlib.Path(root).resolve().name)
    equal = "equals" if count == 1 else "equal"
    return (
        f"{name}: {count} of {len(test)} test images {equal} a training "
        "image, pixel by pixel; their accuracy says nothing about new images"
    )
