"""Layers that replicas share, several networks in one process; a program:

python tests/shared_layers.py REPLICAS OUT.npz
"""

import sys
from functools import partial

import distributed_steps
import numpy as np
import tensorflow as tf

from tfnas.layers.fast.normalization import BatchNormalization
from tfnas.layers.fast.shared_trace import SharedTrace

# Of other shapes, so that none can take another's sums for its own.
CHANNELS = (3, 5, 3)


class Traced(BatchNormalization):
    """Counts how often Python goes through it."""

    times = 0

    def call(self, inputs, training=False):
        type(self).times += 1
        return super().call(inputs, training=training)


def steps(strategy, channels):
    """Two functions for each image's gradient through two layers.

    The first is traced, the second is not.
    """
    with strategy.scope():
        trace = SharedTrace()
        layers = [Traced(dtype="float64") for _ in range(2)]
        for layer in layers:
            layer.build((None, channels))
    images = np.random.default_rng(channels).normal(size=(8, channels))
    batches = tf.data.Dataset.from_tensor_slices(images).repeat().batch(8)
    batches = iter(strategy.experimental_distribute_dataset(batches))

    def gradient(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            state = images
            for layer in layers:
                state = tf.sin(trace(layer, state, training=True))
            loss = tf.reduce_sum(state**3)
        return tape.gradient(loss, images)

    def run(batch):
        return strategy.run(gradient, [batch])

    def whole(run):
        parts = strategy.experimental_local_results(run(next(batches)))
        return np.concatenate(parts)

    return partial(whole, tf.function(run)), partial(whole, run)


def main(replicas, out):
    strategy = distributed_steps.mirrored(int(replicas))
    traced, eager = zip(*(steps(strategy, c) for c in CHANNELS), strict=True)
    found = {}
    for round in range(2):
        for number, run in enumerate(traced):
            found[f"network {number}, step {round}"] = run()
    found["times"] = Traced.times
    for number, run in enumerate(eager):
        found[f"network {number}, not traced"] = run()
    np.savez(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
