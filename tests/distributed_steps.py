"""Search steps on one or more replicas; also a program of its own.

TensorFlow fixes the number of its logical devices when it starts, so several
replicas need a new process:

    python tests/distributed_steps.py REPLICAS ORDER OUT.npz
"""

import dataclasses
import sys

import keras
import numpy as np
import tensorflow as tf

from tfnas import bilevel, methods
from tfnas.networks.supernet import Supernet

STEPS = 3
# One of each kind of operation: replicas are traced one after the other.
OPERATIONS = ["max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3"]


def mirrored(replicas):
    """A strategy with so many replicas on this machine's CPU."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * replicas
    )
    return tf.distribute.MirroredStrategy(
        [f"/cpu:{index}" for index in range(replicas)]
    )


def search(strategy, order):
    """What a few steps from the same start end with, by name."""
    keras.utils.set_random_seed(0)
    method = dataclasses.replace(methods.get("darts"), order=order)
    with strategy.scope():
        supernet = Supernet(
            method,
            input_shape=(8, 8, 3),
            classes=5,
            channels=4,
            cells=3,
            nodes=1,
            operations=OPERATIONS,
            dtype="float64",
        )
        model = bilevel.BilevelSearch(supernet)
    history = model.fit(batches(), verbose=0, shuffle=False).history
    arrays = {v.path: v.numpy() for v in supernet.variables}
    return arrays | {f"log/{name}": value[0] for name, value in history.items()}


def batches():
    """Pairs of global batches of 8 images, whatever the replicas."""
    generator = np.random.default_rng(0)
    images = generator.normal(size=(2, STEPS * 8, 8, 8, 3))
    labels = generator.integers(0, 5, (2, STEPS * 8))
    halves = tuple(zip(images, labels, strict=True))
    return tf.data.Dataset.from_tensor_slices(halves).batch(8)


if __name__ == "__main__":
    np.savez(
        sys.argv[3], **search(mirrored(int(sys.argv[1])), int(sys.argv[2]))
    )
