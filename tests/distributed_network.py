"""A small network trained on one or more replicas; also a program:

python tests/distributed_network.py REPLICAS OUT.npz
"""

import sys

import keras
import numpy as np
from distributed_steps import mirrored
from published import published

import tfnas


def train(strategy):
    """The variables after three steps with drop path, by path."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    images = generator.normal(size=(24, 8, 8, 3)).astype("float32")
    with strategy.scope():
        network = tfnas.build_network(
            published("FairDARTS_a"),
            input_shape=(8, 8, 3),
            channels=4,
            cells=2,
            drop_path=0.5,
        )
        network.compile(
            optimizer=keras.optimizers.SGD(0.1),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
    labels = generator.integers(0, 10, 24)
    network.fit(images, labels, batch_size=8, shuffle=False, verbose=0)
    return {v.path: v.numpy() for v in network.variables}


if __name__ == "__main__":
    np.savez(sys.argv[2], **train(mirrored(int(sys.argv[1]))))
