"""Parts of the training images: which are used, and for what.

`stratified` keeps each class's share in every part, drawn by the seed; `index`
is the authors' way, the first and the last images in the data set's order.
An image is drawn by its class and its place among that class's images, so the
order in which classes are mixed does not matter.
"""

import dataclasses

import numpy as np

from tfnas.data import draws
from tfnas.errors import UserError


def search_halves(dataset, rule="stratified", seed=0):
    """Splits the training images between weights and architecture.

    In index order the first half trains the weights, the second the
    architecture (survey 3.2; the authors' 25,000 and 25,000 of CIFAR-10).
    Stratified, each half gets half of each class, the odd image of a class by
    the seed. Both are increasing int64 indices into `dataset.train`; of an odd
    number of images the second half gets one more.
    """
    count = len(dataset.train)
    if count < 2:
        raise UserError(
            f"{dataset.name}: {count} training image(s) cannot be split into "
            "two search halves; use a dataset with more"
        )
    if rule == "index":
        return _cut(count, count // 2)
    labels = dataset.train.labels
    sizes = np.bincount(labels)
    least, most = sizes // 2, (sizes + 1) // 2
    first = _drawn(labels, count // 2, least, most, seed, draws.HALVES)
    return first, _others(count, first)


def held_out(dataset, count, rule="stratified", seed=0):
    """Splits the images that select weights from those that train them.

    Returns two increasing int64 arrays of indices into `dataset.train`: those
    to train on and the `count` to select by, in index order the last ones.
    Stratified, a class of two or more images is in both as far as `count`
    allows.
    """
    whole = len(dataset.train)
    if count >= whole:
        raise UserError(
            f"--valid_images={count}: {dataset.name} has {whole} training "
            "images; use fewer"
        )
    if rule == "index" or not count:
        return _cut(whole, whole - count)
    labels = dataset.train.labels
    sizes = np.bincount(labels)
    most = np.maximum(sizes - 1, 0)
    # If all but one image of every class are too few, hold out whole classes.
    most = most if count <= most.sum() else sizes
    least = _one_each(np.minimum(most, 1), count)
    last = _drawn(labels, count, least, most, seed, draws.HELD_OUT)
    return _others(whole, last), last


def subset(dataset, count, rule="stratified", seed=0):
    """The dataset with only `count` of its training images, in their order.

    In index order they are the first ones; stratified, each class keeps its
    share and at least one image as far as `count` allows.
    """
    whole = len(dataset.train)
    if not 2 <= count <= whole:
        raise UserError(
            f"--train_images={count}: {dataset.name} has {whole}; use 2 or "
            "more of them"
        )
    if rule == "index":
        chosen = slice(count)
    else:
        labels = dataset.train.labels
        sizes = np.bincount(labels)
        least = _one_each(np.minimum(sizes, 1), count)
        chosen = _drawn(labels, count, least, sizes, seed, draws.SUBSET)
    return dataclasses.replace(dataset, train=dataset.train.take(chosen))


def tested(labels, share, seed=0):
    """The places of the images to test on if nothing says which they are.

    They are a share of each class, drawn by the seed: at least one as far as
    the share allows, and never all. Increasing int64 places in `labels`.
    """
    most = np.maximum(np.bincount(labels) - 1, 0)
    count = min(max(round(share * len(labels)), 1), int(most.sum()))
    least = _one_each(np.minimum(most, 1), count)
    return _drawn(labels, count, least, most, seed, draws.TEST)


def lacking(dataset, parts):
    """One line that names the classes missing from each part, or None.

    The parts are {a part in words: its labels}.
    """
    found = []
    for part, labels in parts.items():
        there = np.bincount(labels, minlength=len(dataset.classes)) > 0
        names = [
            name
            for name, present in zip(dataset.classes, there, strict=True)
            if not present
        ]
        if names:
            found.append(f"{part} without {', '.join(names)}")
    return "Missing classes: " + "; ".join(found) if found else None


def _cut(count, place):
    indices = np.arange(count)
    return indices[:place], indices[place:]


def _others(count, chosen):
    """The indices not among the chosen ones."""
    return np.setdiff1d(np.arange(count), chosen, assume_unique=True)


def _one_each(present, count):
    """At least one of each class present, if there is room."""
    return present if present.sum() <= count else np.zeros_like(present)


def _drawn(labels, count, least, most, seed, purpose):
    """So many images, each class's share of them drawn by the seed."""
    shares = _shares(np.bincount(labels), count, least, most, seed, purpose)
    by_class = np.argsort(labels, kind="stable")
    chosen, start = [], 0
    for label, size in enumerate(np.bincount(labels)):
        order = draws.shuffled(seed, label, np.arange(size), purpose)
        chosen.append(by_class[start + order[: shares[label]]])
        start += size
    return np.sort(np.concatenate(chosen))


def _shares(sizes, count, least, most, seed, purpose):
    """How many images of each class, by the largest remainder.

    Sizes, bounds `least` and `most`, and the result, whose sum is `count`, have
    an entry for each class. Seed and purpose decide between equal remainders.
    """
    whole = sizes.sum()
    shares = np.clip(count * sizes // whole, least, most)
    ties = draws.shuffled(seed, -1, np.arange(len(sizes)), purpose)
    while missing := count - shares.sum():
        step = np.sign(missing)
        owed = step * (count * sizes - shares * whole)
        free = shares < most if step > 0 else shares > least
        owed = np.where(free, owed, np.iinfo(np.int64).min)
        shares[ties[np.argmax(owed[ties])]] += step
    return shares
