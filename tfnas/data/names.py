"""Names of data sets: our own, and those of TensorFlow Datasets."""

import pathlib
import re

from tfnas.errors import UserError, nearest

# The sources with their own names; any other name is one of TFDS.
DATASETS = ("digits", "fashion_mnist", "cifar10", "cifar100", "image_folder")
# The name for images that were given in Python.
ARRAYS = "arrays"


def canonical(name):
    """A data set's name, whatever its case and with dashes or underscores.

    An unknown name is returned as it is.

    Example: `canonical("Fashion-MNIST")` is "fashion_mnist".
    """
    head, slash, config = name.partition("/")
    if head in (*DATASETS, ARRAYS) or ":" in head:
        return name
    for known in (DATASETS, _catalog()):
        # An exact name comes before a similar one.
        found = {_letters(other): other for other in known}
        found |= {other: other for other in known}
        own = found.get(head) or found.get(_letters(head))
        if own:
            return own + slash + config
    return name


def check_name(name, data_dir=None):
    """Refuse an unknown name, without TensorFlow.

    Data prepared in `data_dir` may have any name.
    """
    head = name.partition("/")[0]
    if head in DATASETS or ":" in head:
        return
    if head == ARRAYS:
        raise UserError(
            f"--dataset={ARRAYS}: its images were given in Python; give them "
            "to tfnas.run_training again, or another --dataset"
        )
    prepared = data_dir and (
        (pathlib.Path(data_dir) / "dataset_info.json").is_file()
        or (pathlib.Path(data_dir) / head).is_dir()
    )
    if not prepared and head not in _catalog():
        raise unknown(name)


def unknown(name):
    """The error about an unknown name."""
    if pathlib.Path(name).is_dir():
        return UserError(
            f"--dataset={name}: a folder; use --dataset=image_folder "
            f"--data_dir={name}"
        )
    hint = nearest(name, (*DATASETS, *_catalog()), "not a name of TFDS")
    return UserError(
        f"--dataset={name}: unknown, {hint} (use {', '.join(DATASETS)} or "
        "a TFDS image classification dataset)"
    )


def _catalog():
    """The names of TFDS, which need no TensorFlow."""
    import tensorflow_datasets as tfds

    return tfds.list_builders(with_community_datasets=False)


def _letters(name):
    return re.sub(r"[\W_]", "", name.lower())
