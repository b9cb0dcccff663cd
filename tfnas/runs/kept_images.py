"""A run's list of its image files.

A run keeps it if the folders do not say which images are tested. So resumed
runs, trainings of the genotype and later readers get the same split, even if
the folder has changed.
"""

import csv
import os
from pathlib import Path

from tfnas.cli import flags
from tfnas.cli.files import csv_text
from tfnas.data.csv_list import COLUMNS
from tfnas.runs import contents


def asked(config):
    """The arguments of `tfnas.data.load` for a run's configuration.

    A resumed run's name the list that it kept.
    """
    given = flags.images(config)
    return {**given, **listed(config.out, given)}


def listed(folder, given, data_dir=None):
    """{flag: value} to read the images that a run's list names, {} if none.

    Args:
        folder: the run's, or None.
        given: {flag: value} that it was started with.
        data_dir: the images' folder, if they have moved.
    """
    path = Path(folder or "") / contents.IMAGES
    if not folder or not path.is_file():
        return {}
    home = data_dir or given.get("data_dir")
    home = home or os.path.dirname(given["data_csv"]) or "."
    return {"data_dir": home, "data_csv": str(path), "test_share": None}


def are_in(folder, data_dir):
    """Whether a run's list names images of a folder, by its first line."""
    path = Path(folder) / contents.IMAGES
    if not path.is_file():
        return False
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        first = next(csv.DictReader(file))
    return (Path(data_dir) / first["path"]).is_file()


def keep(run, dataset):
    """Write a `Dataset`'s list to a run's `Folder`, if it needs one.

    An existing list stays: it also knows the files that were left out.
    """
    there = (Path(run.folder) / contents.IMAGES).exists()
    if dataset.listing is not None and not there:
        text = csv_text(COLUMNS, dataset.listing.rows())
        # A file's name may hold any bytes.
        run.write(contents.IMAGES, text.encode(errors="surrogateescape"))
