"""Random access to the records of a prepared TFDS dataset.

TFDS reads its TFRecord files from their beginning. Batches whose order is a
function of (seed, epoch, sample index) need any record at any time, so the
record headers are read once to find where each record starts.
"""

import os
import struct

import numpy as np
import tensorflow as tf

from tfnas.errors import UserError

# A record: its length and that number's checksum, the content, its checksum.
_HEADER, _FOOTER = struct.Struct("<QI"), 4


class Records:
    """The examples of a split, read one by one from its files.

    The `tfds.core.DatasetBuilder` is prepared as TFRecord; files of another
    format or damaged ones raise `UserError`. `image` and `label` name the
    features.
    """

    def __init__(self, builder, split, image, label):
        if builder.info.file_format.value != "tfrecord":
            raise UserError(
                f"{builder.data_path}: prepared as "
                f"{builder.info.file_format.value}; prepare it as tfrecord"
            )
        self.name, self.image, self.label = builder.name, image, label
        self.split = split
        info = builder.info.splits[split]
        self.files = [str(path) for path in info.filepaths]
        places = [
            (number, offset, length)
            for number, path in enumerate(self.files)
            for offset, length in _places(path)
        ]
        self.places = np.array(places, np.int64).reshape(-1, 3)
        if len(self.places) != info.num_examples:
            raise UserError(
                f"{builder.data_path}: {len(self.places)} records of {split} "
                f"where {info.num_examples} should be; prepare it again"
            )

    def __len__(self):
        return len(self.places)

    def read(self, index):
        """(the image file's bytes, the label) of a record."""
        number, offset, length = self.places[index].tolist()
        with open(self.files[number], "rb") as file:
            file.seek(offset)
            record = file.read(length)
        values = tf.train.Example.FromString(record).features.feature
        return (
            values[self.image].bytes_list.value[0],
            values[self.label].int64_list.value[0],
        )

    def labels(self):
        """int64 array (N,) of all labels; reads every record."""
        found = [self.read(index)[1] for index in range(len(self))]
        return np.array(found, np.int64)

    def describe(self, index):
        """A record's name in a message."""
        return f"{self.name}, {self.split} image {index}"


def _places(path):
    """Yields (offset, length) of the content of each record of a file."""
    size, offset = os.path.getsize(path), 0
    with open(path, "rb") as file:
        while offset < size:
            file.seek(offset)
            header = file.read(_HEADER.size).ljust(_HEADER.size, b"\xff")
            offset += _HEADER.size
            length, _ = _HEADER.unpack(header)
            yield offset, length
            offset += length + _FOOTER
    if offset != size:
        raise UserError(f"{path}: ends within a record; prepare it again")
