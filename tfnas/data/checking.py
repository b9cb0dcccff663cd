"""The check of image files before the first epoch: each is decoded once."""

import dataclasses
from concurrent import futures

import tensorflow as tf

from tfnas.data import formats
from tfnas.data.decoding import decode, fault
from tfnas.data.duplicates import digest

# As a million waiting tasks would take a gigabyte.
_BLOCK = 1024


@dataclasses.dataclass(frozen=True)
class Checked:
    """What the check found out about a file.

    Attributes:
        digest: of its pixels; None for a damaged file.
        fault: what to add to a damaged file's name.
    """

    digest: str | None
    fault: str = ""


def check(paths):
    """The `Checked` of each image file, in the order of the paths."""
    found = []
    with futures.ThreadPoolExecutor() as threads:
        for start in range(0, len(paths), _BLOCK):
            found += threads.map(_checked, paths[start : start + _BLOCK])
    return found


def _checked(path):
    try:
        image = decode(formats.read(path), 3)
    except tf.errors.OpError as error:
        return Checked(None, fault(error))
    except OSError:
        return Checked(None)
    return Checked(digest(image.numpy()))
