"""Measures the peak memory of a training process; prints it in bytes.

python tests/training_peak.py GENOTYPE CHANNELS CELLS SIZE BATCH [STEM]
"""

import sys

from tfnas import zoo
from tfnas.train import Recipe


def main(genotype, channels, cells, size, batch, stem="cifar"):
    import keras
    import numpy as np
    import tensorflow as tf

    from tfnas.benchmark.worker import peak
    from tfnas.bilevel.supervised import SupervisedTraining
    from tfnas.devices.determinism import make_deterministic
    from tfnas.devices.threads import divide_cores
    from tfnas.networks import build_network

    divide_cores()
    keras.utils.set_random_seed(0)
    make_deterministic()
    network = build_network(
        zoo.genotype(genotype),
        input_shape=(size, size, 3),
        channels=channels,
        cells=cells,
        stem=stem,
    )
    images = np.zeros((batch, size, size, 3), "float32"), np.zeros(batch, int)
    data = tf.data.Dataset.from_tensors(images).repeat()
    training = SupervisedTraining(network, Recipe())
    training.fit(data, steps_per_epoch=3, shuffle=False, verbose=0)
    print(peak())


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    main(name, *map(int, numbers[:4]), *numbers[4:])
