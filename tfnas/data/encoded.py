"""Images that stay in their files, and are decoded batch by batch.

ImageNet does not fit into memory, and its images are of all sizes. A split of
it knows where each image is; `tfnas.data.pixels` reads what a batch needs.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfnas.data import draws, imagenet
from tfnas.data.catalog import prepared_builder, supervised_keys
from tfnas.data.records import Records
from tfnas.data.request import SUFFIXES, class_folders, class_names
from tfnas.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class EncodedSplit:
    """Image files with their labels.

    Args:
        read: function of an index: (the bytes of a JPEG or PNG, the label).
        describe: function of an index that names the image in a message.
        indices: int64 array (N,), the indices that belong to the split.
        side: height and width, in pixels, that images will be brought to.
    """

    read: Callable
    describe: Callable
    indices: np.ndarray
    side: int

    def __len__(self):
        return len(self.indices)

    @property
    def image_shape(self):
        """(height, width, channels) of an image in a batch."""
        return (self.side, self.side, 3)

    def take(self, places):
        """The split of some of its images alone."""
        return dataclasses.replace(self, indices=self.indices[places])

    def files(self, places):
        """Object array of bytes and int64 array of labels, (N,) both."""
        files, labels = zip(
            *map(self.read, self.indices[places].tolist()), strict=True
        )
        return np.array(files, object), np.array(labels, np.int64)


def load_encoded(name, data_dir, side):
    """Finds the images of a folder or of a prepared TFDS dataset.

    A folder's files are shuffled by a permutation that is always the same, so
    that the two halves of a search see the same classes.

    Args:
        name: "image_folder" or a name of TFDS.
        data_dir: as of `tfnas.data.load`.
        side: see `EncodedSplit`.

    Returns:
        The train `EncodedSplit`, the test `EncodedSplit`, the class names.

    Raises:
        UserError: as `tfnas.data.load`.
    """
    if name == "image_folder":
        return _folder(pathlib.Path(data_dir), class_names(data_dir), side)
    builder = prepared_builder(name, data_dir)
    image, label = supervised_keys(name, builder)

    def split(part):
        records = Records(builder, part, image, label)
        indices = np.arange(len(records))
        return EncodedSplit(records.read, records.describe, indices, side)

    parts = [x for x in ("test", "validation") if x in builder.info.splits]
    tests = [split(part) for part in parts if part != "train"]
    # ImageNet's test images have no labels; its validation images are tested.
    tests = [test for test in tests if test.read(0)[1] >= 0]
    if not tests or "train" not in builder.info.splits:
        raise UserError(
            f"--dataset={name}: has no labelled train and test splits; use a "
            "dataset with both"
        )
    return split("train"), tests[0], tuple(builder.info.features[label].names)


def _folder(root, classes, side):
    foreign = sorted(set(class_folders(root / "test")) - set(classes))
    if foreign:
        raise UserError(
            f"{root}: class {foreign[0]} has no folder in train/; add one or "
            "remove the class"
        )

    def split(part):
        files = [
            (str(path), label)
            for label, name in enumerate(classes)
            if (root / part / name).is_dir()
            for path in sorted((root / part / name).iterdir())
            if path.suffix.lower() in SUFFIXES
        ]

        def read(index):
            path, label = files[index]
            return pathlib.Path(path).read_bytes(), label

        order = draws.shuffled(0, 0, np.arange(len(files)))
        return EncodedSplit(read, lambda index: files[index][0], order, side)

    return split("train"), split("test"), classes


@contextlib.contextmanager
def damage_named(dataset):
    """Name the image that stopped a run because it cannot be decoded.

    Raises:
        UserError: in place of TensorFlow's error, which names no file.

    Example:

    ```python
    with damage_named(dataset):
        model.fit(stream)
    ```
    """
    try:
        yield
    except tf.errors.InvalidArgumentError:
        for split in (dataset.train, dataset.test):
            if isinstance(split, EncodedSplit):
                for index in split.indices.tolist():
                    if not imagenet.decodes(split.read(index)[0]):
                        raise UserError(
                            f"{split.describe(index)}: not a readable image; "
                            "replace or remove it, then go on with --resume"
                        ) from None
        raise
