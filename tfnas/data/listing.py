"""Image files, their classes, and which of them are for testing."""

import dataclasses
import os
import pathlib

import numpy as np

from tfnas.data import csv_list, parts
from tfnas.data.files import damaged, labelled
from tfnas.data.layout import layout
from tfnas.errors import UserError

TEST_SHARE = 0.2


@dataclasses.dataclass(frozen=True)
class Listing:
    """The image files of a data set.

    Attributes:
        root: the folder that paths in a kept list start from.
        classes: class names; a label is a position in it.
        train: [(path, label)] of the training images, class by class.
        test: those of the test images.
        damaged: [(path, label)] of the files left out.
        is_kept: whether a run must keep the list, as the folders do not say all
            of it.
        homes: the folders that class folders were found in.
        spare: split folders that are not read.
    """

    root: str
    classes: tuple[str, ...]
    train: list
    test: list
    damaged: tuple = ()
    is_kept: bool = False
    homes: tuple = ()
    spare: tuple = ()

    def left_whole(self, damage, skip_damaged):
        """The listing without the damaged files, {path: its name in words}.

        If they may not be skipped, or a split would be empty, they raise
        `UserError`.
        """
        if not damage:
            return self
        train, test = (
            [x for x in files if x[0] not in damage]
            for files in (self.train, self.test)
        )
        if not (skip_damaged and train and test):
            raise damaged(
                [*damage.values()],
                "restore or replace {them}, or start a new run with "
                "--skip_damaged, which leaves {them} out",
            )
        left = [x for x in (*self.train, *self.test) if x[0] in damage]
        return dataclasses.replace(
            self,
            train=train,
            test=test,
            damaged=(*self.damaged, *left),
            is_kept=True,
        )

    def rows(self):
        """Yields {column: value} of `csv_list.COLUMNS`, for a run to keep."""
        for split, files in (
            ("train", self.train),
            ("test", self.test),
            (csv_list.DAMAGED, self.damaged),
        ):
            for path, label in files:
                inside = os.path.relpath(path, self.root)
                outside = inside.startswith(os.pardir)
                yield {
                    "path": os.path.abspath(path) if outside else inside,
                    "label": self.classes[label],
                    "split": split,
                }


def find(data_dir=None, data_csv=None, test_share=None, seed=0):
    """The `Listing` of a folder, or of a list as CSV.

    If neither says which images are for testing, `test_share` of each class
    are, drawn by the seed. Unusable input raises `UserError`.
    """
    if data_csv:
        return _of_list(data_dir, data_csv, test_share, seed)
    if not data_dir:
        raise UserError(
            "--dataset=image_folder: set --data_dir to a folder with a folder "
            "for each class, or --data_csv to a list"
        )
    found = layout(data_dir)
    homes = tuple(filter(None, (found.train, found.test)))
    train, *test = (labelled(home, found.classes) for home in homes)
    listing = Listing(
        *(str(data_dir), found.classes, train, (*test, [])[0]),
        homes=homes,
        spare=found.spare,
    )
    _check_classes(listing, found.train)
    if found.test is None:
        return _split(listing, test_share, seed)
    _refuse_share(test_share, f"{found.test} says which images are tested")
    return listing


def _of_list(data_dir, data_csv, test_share, seed):
    root = str(data_dir or pathlib.Path(data_csv).parent)
    rows = csv_list.read(data_csv, root)
    classes = tuple(sorted({label for _, label, _ in rows}))
    numbers = {name: label for label, name in enumerate(classes)}
    # In the folders' order, so that a kept list gives the same images.
    files = sorted((numbers[label], path, split) for path, label, split in rows)
    train, test = (
        [(path, label) for label, path, split in files if split in splits]
        for splits in (("train", ""), ("test",))
    )
    listing = Listing(root, classes, train, test, is_kept=True)
    _check_classes(listing, data_csv)
    if not test:
        return _split(listing, test_share, seed)
    _refuse_share(test_share, f"{data_csv} says which images are tested")
    untrained = {x[1] for x in test} - {x[1] for x in train}
    if untrained:
        raise UserError(
            f"{data_csv}: class {classes[min(untrained)]} has only test "
            "images; add training images or remove it"
        )
    return listing


def _refuse_share(test_share, why):
    if test_share is not None:
        raise UserError(f"--test_share={test_share}: {why}; leave it out")


def _check_classes(listing, where):
    if len(listing.classes) < 2:
        one = "".join(f" ({name})" for name in listing.classes)
        raise UserError(
            f"{where}: only one class{one}; classification needs at least two"
        )


def _split(listing, test_share, seed):
    """Takes the test images from the training images, class by class."""
    labels = np.array([label for _, label in listing.train], np.int64)
    share = TEST_SHARE if test_share is None else test_share
    places = parts.tested(labels, share, seed)
    if not len(places):
        raise UserError(
            f"{listing.root}: no class has two images, one to train on and "
            "one to test; add some"
        )
    chosen = set(places.tolist())
    train, test = (
        [x for i, x in enumerate(listing.train) if (i in chosen) == tested]
        for tested in (False, True)
    )
    return dataclasses.replace(listing, train=train, test=test, is_kept=True)
