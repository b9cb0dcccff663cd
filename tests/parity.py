"""The authors' recorded DARTS search, ready to hold the code against it."""

import numpy as np
import tensorflow as tf

from tfnas import convert
from tfnas.networks.darts.supernet import Supernet

RECORD = "darts_search_C4_L3.npz"
KINDS = ("normal", "reduce")


def relative(actual, expected):
    """The largest deviation in units of the largest expected value."""
    expected = np.asarray(expected)
    return np.abs(np.asarray(actual) - expected).max() / np.abs(expected).max()


def part(record, prefix):
    """The arrays of a record whose names start with a prefix, without it."""
    return {
        name.removeprefix(prefix): array
        for name, array in record.items()
        if name.startswith(prefix)
    }


def batch(record, half, dtype):
    """Images (N, H, W, C) and labels of the half "train" or "valid"."""
    images = record[f"x_{half}"].transpose(0, 2, 3, 1)
    return tf.constant(images, dtype), tf.constant(record[f"y_{half}"])


def untraced(supernet):
    """The same network, quicker where it is called but a few times."""
    supernet._trace = None
    return supernet


def recorded_supernet(made, record, dtype, traced=True):
    """The network of the record in the state in which the record starts.

    Args:
        made: a dictionary of the networks that there are, which are put back
            to the start.
        record: the arrays.
        dtype: "float32" or "float64".
        traced: whether layers of a kind share a traced function.
    """
    if (dtype, traced) not in made:
        supernet = Supernet("darts", channels=4, cells=3, dtype=dtype)
        made[dtype, traced] = supernet if traced else untraced(supernet)
    supernet = made[dtype, traced]
    arrays = part(record, "param/") | part(record, "buffer/")
    arrays |= {f"alphas_{kind}": record[f"alphas_{kind}"] for kind in KINDS}
    convert.load_authors_weights(supernet, arrays)
    return supernet
