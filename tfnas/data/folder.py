"""Labelled image files, read into memory."""

import random

from tfnas.data import formats
from tfnas.data.dataset import Split
from tfnas.data.decoding import collect
from tfnas.data.duplicates import digest


def load_folder(listing, image_size=None, skip_damaged=False):
    """Reads the files of a `Listing` into memory.

    Files are listed class by class and then shuffled by a fixed permutation,
    that of TFDS's ImageFolder, so that the two halves of a search in index
    order see the same classes. Gray, palette, alpha and 16-bit images are read
    as 8-bit gray or RGB: gray if every image is. Damaged files raise
    `UserError` or are left out.

    Returns:
        The `Listing` without damaged files, its train and its test `Split`, and
        the digests of their images, (train, test).
    """
    train, test = (mixed(listing, split) for split in ("train", "test"))
    paths, labels = zip(*train, *test, strict=True)
    # In one go, to name all damaged files and to agree on the channels.
    images, labels, damage = collect(
        zip(paths, labels, strict=True),
        len(paths),
        image_size,
        paths.__getitem__,
        formats.read,
    )
    named = {paths[place]: name for place, name in damage.items()}
    listing = listing.left_whole(named, skip_damaged)
    whole, count = Split(images, labels), len(listing.train)
    if named:
        # In the order of a folder that never had them.
        left = [path for path in paths if path not in named]
        rows = {path: row for row, path in enumerate(left)}
        order = mixed(listing, "train") + mixed(listing, "test")
        whole = whole.take([rows[path] for path, _ in order])
    parts = whole.take(slice(count)), whole.take(slice(count, None))
    digests = [list(map(digest, part.images)) for part in parts]
    return listing, *parts, digests


def mixed(listing, split):
    """[(path, label)] of a split, "train" or "test", in the order of TFDS."""
    files = list(getattr(listing, split))
    random.Random(split).shuffle(files)
    return files
