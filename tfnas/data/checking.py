"""The check of image files before the first epoch: each is decoded once.

The result for an intact file is kept while its size and time stay the same, so
that the next run, or a resumed one, need not decode it again.
"""

import dataclasses
import os
from concurrent import futures

import tensorflow as tf

from tfnas.data import formats, kept_checks
from tfnas.data.decoding import converter, fault
from tfnas.data.duplicates import digest
from tfnas.data.progress import Progress

# A million waiting tasks would take a gigabyte.
_BLOCK = 256


@dataclasses.dataclass(frozen=True)
class Checked:
    """The check's result for a file.

    Attributes:
        digest: of its pixels, "" for a damaged file.
        height: in pixels, upright.
        width: likewise.
        is_gray: whether it has no colours.
        fault: what to add to a damaged file's name.
    """

    digest: str = ""
    height: int = 0
    width: int = 0
    is_gray: bool = False
    fault: str = ""


def check_listing(listing, skip_damaged=False):
    """Check the files of a `Listing`.

    Returns it without its damaged files, and {path: `Checked`}. Damaged files
    raise `UserError` unless they may be skipped.
    """
    paths = [path for path, _ in (*listing.train, *listing.test)]
    found = dict(zip(paths, check(paths, listing.root), strict=True))
    damage = {p: p + one.fault for p, one in found.items() if not one.digest}
    return listing.left_whole(damage, skip_damaged), found


def check(paths, root):
    """The `Checked` of each image file, in the order of the paths.

    The results are kept for the folder `root`.
    """
    kept = kept_checks.load(root)
    times = {path: _time(path) for path in paths}
    names = {path: os.path.relpath(path, root) for path in paths}
    found = {
        path: Checked(*kept[name][1])
        for path, name in names.items()
        if name in kept and kept[name][0] == times[path]
    }
    left = [path for path in paths if path not in found]
    progress = Progress("Checked", len(left))
    with futures.ThreadPoolExecutor() as threads:
        for start in range(0, len(left), _BLOCK):
            block = left[start : start + _BLOCK]
            found |= zip(block, threads.map(_checked, block), strict=True)
            progress.reached(start + len(block))
    if left:
        results = {
            name: (times[path], dataclasses.astuple(found[path]))
            for path, name in names.items()
            if found[path].digest
        }
        kept_checks.store(root, {**kept, **results})
    return [found[path] for path in paths]


def _time(path):
    """(size, time of the last change) of a file; None if it is gone."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns


def _checked(path):
    try:
        images, grays = converter()(tf.constant([formats.read(path)]))
    except (OSError, tf.errors.OpError) as error:
        return Checked(fault=fault(error))
    image = images.numpy()[0]
    return Checked(digest(image), *image.shape[:2], bool(grays[0]))
