"""Halves, held-out images and subsets: classes, seeds, order."""

import itertools

import numpy as np
import pytest

from tfnas import data
from tfnas.data.dataset import Dataset, Split
from tfnas.errors import UserError

SIZES = [(50, 50), (95, 5), (1, 1, 1, 30), (7, 8, 9, 1, 0, 2), (1, 1), (3, 64)]


def make(labels, classes=None):
    """A dataset whose images carry their own number."""
    labels = np.asarray(labels, np.int64)
    images = np.zeros((len(labels), 4, 4, 3), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.divmod(
        np.arange(len(labels)), 256
    )
    split = Split(images, labels)
    classes = classes or max(2, labels.max() + 1)
    names = tuple(map(str, range(classes)))
    return Dataset("made", split, split, names, (0.0,) * 3, (1.0,) * 3)


def by_class(sizes, seed=None):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    if seed is not None:
        np.random.default_rng(seed).shuffle(labels)
    return make(labels, len(sizes))


def counts(dataset, places):
    return np.bincount(
        dataset.train.labels[places], minlength=len(dataset.classes)
    )


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("seed", range(5))
def test_each_half_has_half_of_each_class(sizes, seed):
    dataset = by_class(sizes, seed)
    halves = data.search_halves(dataset, "stratified", seed)
    both = np.concatenate(halves)
    np.testing.assert_array_equal(np.sort(both), np.arange(sum(sizes)))
    assert len(halves[0]) == sum(sizes) // 2
    first, second = (counts(dataset, half) for half in halves)
    assert np.abs(first - second).max() <= 1
    assert (first[np.array(sizes) > 1] > 0).all()
    assert (second[np.array(sizes) > 1] > 0).all()


def test_halves_of_19_to_1_in_order_of_class_have_both():
    """The case of the fault: in index order the second half lacks a class."""
    dataset = by_class((5, 95))
    whole = data.search_halves(dataset, "index")
    assert counts(dataset, whole[1])[0] == 0
    halves = data.search_halves(dataset)
    assert sorted(counts(dataset, half)[0] for half in halves) == [2, 3]


@pytest.mark.parametrize(
    "split",
    [
        lambda dataset, seed: data.search_halves(dataset, "stratified", seed)[
            1
        ],
        lambda dataset, seed: data.held_out(dataset, 25, "stratified", seed)[1],
        lambda dataset, seed: data.subset(
            dataset, 25, "stratified", seed
        ).train.images[:, 0, 0, 1],
    ],
    ids=["halves", "held_out", "subset"],
)
def test_a_seed_decides_and_the_mixing_of_classes_does_not(split):
    dataset = by_class((60, 40))
    assert set(split(dataset, 0)) == set(split(dataset, 0))
    assert set(split(dataset, 0)) != set(split(dataset, 1))

    def of_each_class(mixed):
        """Which of the first, second, ... image of each class are taken."""
        labels = mixed.train.labels
        taken = np.isin(np.arange(100), split(mixed, 3))
        return [
            np.flatnonzero(taken[labels == label]).tolist() for label in (0, 1)
        ]

    expected = of_each_class(dataset)
    for seed in range(3):
        assert of_each_class(by_class((60, 40), seed)) == expected


def nearest(sizes, count, least):
    """By trial of all: the shares nearest to those of the whole."""
    ranges = [
        range(low, size + 1) for low, size in zip(least, sizes, strict=True)
    ]
    whole = sum(sizes)
    return min(
        sum(
            (share - count * size / whole) ** 2
            for share, size in zip(x, sizes, strict=True)
        )
        for x in itertools.product(*ranges)
        if sum(x) == count
    )


@pytest.mark.parametrize("sizes", [(20, 1), (9, 5, 2), (4, 4, 4), (12, 3, 1)])
def test_a_subset_keeps_proportions_and_every_class(sizes):
    dataset, whole = by_class(sizes, 1), sum(sizes)
    for count in range(2, whole + 1):
        part = data.subset(dataset, count, "stratified", 7)
        numbers = part.train.images[:, 0, 0, 1]
        assert (np.diff(numbers.astype(int)) > 0).all()
        np.testing.assert_array_equal(
            part.train.labels, dataset.train.labels[numbers]
        )
        found = np.bincount(part.train.labels, minlength=len(sizes))
        assert found.sum() == count
        least = [int(count >= len(sizes))] * len(sizes)
        assert (found >= least).all()
        distance = sum(
            (share - count * size / whole) ** 2
            for share, size in zip(found, sizes, strict=True)
        )
        assert distance <= nearest(sizes, count, least) + 1e-9


def test_ten_digits_are_ten_classes():
    part = data.subset(data.load("digits"), 10)
    assert sorted(part.train.labels) == list(range(10))


@pytest.mark.parametrize("sizes", SIZES)
def test_held_out_images_leave_each_class_something_to_train_on(sizes):
    dataset, whole = by_class(sizes, 2), sum(sizes)
    both = sum(size > 1 for size in sizes)
    for count in range(whole):
        train, held = data.held_out(dataset, count, "stratified", 1)
        assert len(held) == count
        np.testing.assert_array_equal(
            np.sort(np.concatenate([train, held])), np.arange(whole)
        )
        if count <= sum(max(size - 1, 0) for size in sizes):
            there = np.array(sizes) > 0
            assert (counts(dataset, train)[there] > 0).all()
            if count >= both:
                assert (counts(dataset, held)[np.array(sizes) > 1] > 0).all()


def test_index_order_is_the_authors():
    dataset = by_class((6, 5))
    train, held = data.held_out(dataset, 4, "index", 5)
    assert (list(train), list(held)) == (list(range(7)), list(range(7, 11)))
    train, held = data.search_halves(dataset, "index", 5)
    assert (list(train), list(held)) == (list(range(5)), list(range(5, 11)))
    numbers = data.subset(dataset, 4, "index", 5).train.images[:, 0, 0, 1]
    assert list(numbers) == [0, 1, 2, 3]


def test_missing_classes_are_all_named_in_one_line():
    dataset = make([0, 0, 1, 3], classes=5)
    parts = {"the half for alpha": [0, 0, 3], "the test images": range(5)}
    assert data.lacking(dataset, parts) == (
        "Missing classes: the half for alpha without 1, 2, 4"
    )
    parts["the test images"] = [1]
    assert data.lacking(dataset, parts).endswith(
        "1, 2, 4; the test images without 0, 2, 3, 4"
    )
    assert data.lacking(dataset, {"all": range(5)}) is None


def test_no_image_may_be_left_to_train_on():
    with pytest.raises(UserError, match="--valid_images=11: made has 11"):
        data.held_out(by_class((6, 5)), 11)
