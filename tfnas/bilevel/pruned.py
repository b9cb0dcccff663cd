"""A supernet pruned to its cell: its accuracy, and steps of its weights.

A pruned supernet's activations are others than those that the moving statistics
of its batch norms describe, so accuracies here are by the statistics of the
batch; by the moving ones, even a good cell answers as if it guessed.
"""

import numpy as np
import tensorflow as tf

from tfnas.bilevel.hypergradient import cross_entropy, values
from tfnas.bilevel.optimizers import SGD
from tfnas.bilevel.search import clip_by_norm, descend
from tfnas.networks.proxy import still_logits

# Of the search's first learning rate, as DARTS-PT tunes between two removals
# (Wang et al., arXiv:2108.04392, and the authors' code).
RATE = 0.1


class BatchAccuracy:
    """The share of right answers by each batch's own statistics.

    One trace serves all mixing weights.

    Args:
        supernet: does not change.

    Call arguments:
        batches: of normalised images and labels.
        mixing: the operations' weights, as in `mixing_weights`.

    Example: `BatchAccuracy(net)(batches, pruned_weights(net, net.derive()))`.
    """

    def __init__(self, supernet):
        def right(images, labels, mixing):
            found = tf.argmax(still_logits(supernet, images, mixing=mixing), -1)
            return tf.reduce_sum(tf.cast(found == labels, tf.int32))

        self._right = tf.function(right, reduce_retracing=True)

    def __call__(self, batches, mixing):
        counts = [
            (int(self._right(images, labels, mixing)), len(labels))
            for images, labels in batches
        ]
        return float(np.divide(*np.sum(counts, axis=0)))


def tune(supernet, batches, mixing):
    """Move a pruned supernet's weights, a step for each batch.

    The steps are the search's, with a tenth of its learning rate; alpha and the
    moving statistics stay.
    """
    method, variables = supernet.method, supernet.weight_variables
    optimizer = SGD(RATE * method.learning_rate, method.momentum)
    optimizer.build(variables)

    @tf.function(reduce_retracing=True)
    def step(images, labels):
        weights = values(variables)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            pairs = zip(variables, weights, strict=True)
            logits = still_logits(supernet, images, pairs, mixing=mixing)
            loss = cross_entropy(labels, logits)
        gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
        gradients = clip_by_norm(gradients, method.gradient_clip)
        decay = method.weight_decay
        descend(optimizer, gradients, variables, weights, decay)

    for batch in batches:
        step(*batch)
