"""Averaged weights, and batch statistics that belong to them."""

import keras
import tensorflow as tf

from tfnas.bilevel.hypergradient import current_value
from tfnas.layers.fast.normalization import BatchNormalization


class AveragedWeights:
    """A running mean of a network's weights, updated after every step.

    After step t, from 1, a = a + p (w - a) with p = max(1 / t, 1 - decay): the
    first steps count equally, so the initial weights leave no trace, and then
    the mean forgets exponentially.

    Args:
        network: the network, whose weights are averaged.
        decay: the largest share that a step keeps, such as 0.995.

    Source: Polyak and Juditsky (1992); with exponential forgetting as in
    Tarvainen and Valpola, "Mean teachers" (arXiv:1703.01780).
    """

    def __init__(self, network, decay):
        self.network, self.decay = network, decay
        self.variables = [
            keras.Variable(
                tf.zeros(weight.shape, weight.dtype),
                trainable=False,
                name=f"average_{index}",
            )
            for index, weight in enumerate(network.trainable_variables)
        ]

    def by_path(self):
        """{path of a weight: the variable of its average}."""
        weights = self.network.trainable_variables
        paths = [weight.path for weight in weights]
        return dict(zip(paths, self.variables, strict=True))

    def update(self, steps):
        """Take in the weights after so many steps, a tensor."""
        part = tf.maximum(1 / tf.cast(steps, tf.float64), 1 - self.decay)
        weights = self.network.trainable_variables
        for average, weight in zip(self.variables, weights, strict=True):
            # Each replica moves its own copy, as in the optimizer.
            tf.raw_ops.ResourceApplyGradientDescent(
                var=average.value.handle,
                alpha=tf.cast(part, weight.dtype),
                delta=average.value - weight.value,
            )

    def take(self):
        """Put the averages in the place of the weights."""
        weights = self.network.trainable_variables
        for average, weight in zip(self.variables, weights, strict=True):
            weight.assign(average.value)


def estimate_statistics(network, batches):
    """Estimate the moving statistics of a network's batch norms anew.

    Each becomes the mean of what the batches have, all with the same weight.
    Other state, such as drop path's, stays; paths are not dropped.

    Args:
        network: a Keras model.
        batches: of normalised images, (N, H, W, C) each.

    Source: Izmailov et al., "Averaging weights leads to wider optima"
    (arXiv:1803.05407), section 3.2.
    """
    norms = [
        layer
        for layer in network._flatten_layers()
        if isinstance(layer, BatchNormalization)
    ]
    moving = [
        (variable, norm.momentum)
        for norm in norms
        for variable in (norm.moving_mean, norm.moving_variance)
    ]
    start = [(v, tf.zeros(v.shape, v.dtype)) for v, _ in moving]
    start += [
        (v, tf.zeros(v.shape, v.dtype))
        for v in network.variables
        if v.path == "drop_path/rate"
    ]

    @tf.function(reduce_retracing=True, autograph=False)
    def of_batch(images):
        # From zero, a moving statistic is the batch's share of its mean.
        with keras.StatelessScope(state_mapping=start) as scope:
            network(images, training=True)
        return [
            tf.cast(current_value(scope, v), tf.float64) / (1 - momentum)
            for v, momentum in moving
        ]

    total, count = None, 0
    for images in batches:
        found = of_batch(images)
        count += 1
        total = found if total is None else list(map(tf.add, total, found))
    for (variable, _), value in zip(moving, total, strict=True):
        variable.assign(tf.cast(value / count, variable.dtype))
