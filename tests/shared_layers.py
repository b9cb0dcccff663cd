"""Layers that replicas share, several networks in one process; a program:

python tests/shared_layers.py REPLICAS OUT.npz
"""

import sys

import distributed_steps
import numpy as np
import tensorflow as tf

from tfnas.layers.normalization import BatchNormalization
from tfnas.layers.shared_trace import SharedTrace

# Of other shapes, so that none can take another's sums for its own.
CHANNELS = (3, 5, 3)


class Traced(BatchNormalization):
    """Counts how often Python goes through it."""

    times = 0

    def call(self, *args, **kwargs):
        type(self).times += 1
        return super().call(*args, **kwargs)


def step(strategy, channels):
    """A function that returns each image's gradient through two layers."""
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

    @tf.function
    def run(batch):
        return strategy.run(gradient, [batch])

    return lambda: np.concatenate(
        strategy.experimental_local_results(run(next(batches)))
    )


def main(replicas, out):
    strategy = distributed_steps.mirrored(int(replicas))
    steps = [step(strategy, channels) for channels in CHANNELS]
    rounds = [[run() for run in steps] for _ in range(2)]
    found = {
        f"step {i}, network {k}": gradient
        for i, gradients in enumerate(rounds)
        for k, gradient in enumerate(gradients)
    }
    np.savez(out, times=Traced.times, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
