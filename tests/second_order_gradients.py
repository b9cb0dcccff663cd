"""Second-order gradients of a record's first step, as a function and a program.

python tests/second_order_gradients.py RECORD OUT TRACED

The program writes the exact ones, by double backpropagation. That takes a
gigabyte, which TensorFlow keeps for as long as a process lives.
"""

import sys

import numpy as np
import tensorflow as tf
from parity import batch, part, recorded_supernet

from tfnas import bilevel, convert


def gradients(supernet, record, kind, moving, traced=False):
    """{name: gradient} by "exact" or "finite_difference"."""
    buffers = None
    if moving:
        buffers = part(record, "momentum_buffer/")
        buffers = convert.from_authors(supernet, buffers)
    function = bilevel.architecture_gradients
    if traced:
        function = tf.function(function, autograph=False)
    return function(
        supernet,
        *(batch(record, half, "float64") for half in ("train", "valid")),
        order=2,
        second_order=kind,
        learning_rate=float(record["eta"]),
        momentum=float(record["momentum"]),
        weight_decay=float(record["weight_decay"]),
        epsilon=float(record["hvp_r"]),
        momentum_buffers=buffers,
    )


def main(path, out, traced):
    with np.load(path) as arrays:
        record = dict(arrays)
    traced = traced == "True"
    supernet = recorded_supernet({}, record, "float64", traced)
    found = {}
    for case, moving in (("nomom", False), ("mom", True)):
        own = gradients(supernet, record, "exact", moving, traced)
        found |= {f"{case}/{name}": value for name, value in own.items()}
    np.savez(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
