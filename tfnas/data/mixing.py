"""MixUp: batches whose images are mixed in pairs, and their labels too.

Source: Zhang et al., "mixup: beyond empirical risk minimization"
(arXiv:1710.09412). Keras's layer mixes; what it would draw is drawn here, as a
function of seed, epoch and the batch's first image, so that a resumed run mixes
the same pairs.
"""

import keras
import numpy as np
import tensorflow as tf

from tfnas.data import draws
from tfnas.data.pixels import Pixels


def draw(places, alpha, *, seed, epoch):
    """The weight of each image, float32 (N,), and its partner, int64 (N,).

    The weights are of the distribution Beta(alpha, alpha); the partners are a
    permutation of the batch.
    """
    key = [seed, epoch, draws.MIX, int(places[0])]
    generator = np.random.default_rng(key)
    weights = generator.beta(alpha, alpha, len(places))
    return weights.astype(np.float32), generator.permutation(len(places))


def mixed(pixels, classes, alpha, seed):
    """A way to make batches, as `pixels`, but mixed.

    Labels become shares of the classes, float32 (N, classes).
    """
    layer = keras.layers.MixUp(alpha, seed=seed)

    def read(places, epoch):
        return *pixels.read(places, epoch), *draw(
            places, alpha, seed=seed, epoch=epoch
        )

    def finish(*parts):
        *parts, weights, partners = parts
        images, labels = pixels.finish(*parts)
        pairs = {"mix_weight": weights, "permutation_order": partners}
        shares = layer.transform_labels(tf.one_hot(labels, classes), pairs)
        return layer.transform_images(images, pairs), shares

    signature = (
        *pixels.signature,
        tf.TensorSpec((None,), tf.float32),
        tf.TensorSpec((None,), tf.int64),
    )
    return Pixels(read, signature, finish)
