"""Holds a network against its second implementation, in float64.

Both compute from the same variables, so the gradient in each of them can be
compared as it is.
"""

import keras
import numpy as np
import tensorflow as tf
from parity import relative

BOUND = 1e-10
# Some gradients are zero but for rounding, as of a bias before a batch norm:
# a variable's is measured in units of its own largest entry, or of this share
# of the network's, whichever is more.
SMALLEST = 1e-4


def ready(make, seed=0):
    """What `make` builds, in float64, with random numbers in all variables."""
    keras.utils.set_random_seed(seed)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        network = make()
    finally:
        keras.config.set_dtype_policy(before)
    network._trace = _directly
    random = np.random.default_rng(seed)
    for variable in network.variables:
        name = variable.path.rpartition("/")[2]
        drawn = random.normal(size=variable.shape)
        if name == "gamma":
            variable.assign(1 + 0.3 * drawn)
        elif name in ("beta", "moving_mean", "bias"):
            variable.assign(0.3 * drawn)
        elif name == "moving_variance":
            variable.assign(np.exp(0.3 * drawn))
        elif name.startswith(("alphas", "betas", "gammas", "edges")):
            variable.assign(drawn)
    return network


def batch(shape, count=4, classes=10):
    """Images (N, H, W, C) and labels.

    The images are numbers of float32, which a `keras.Input` makes of them.
    """
    random = np.random.default_rng(1)
    images = random.normal(size=(count, *shape)).astype("float32")
    labels = random.integers(0, classes, count)
    return tf.constant(images, "float64"), labels


def loss(logits, labels):
    """The mean cross-entropy of whole-number labels, by its definition."""
    shares = tf.exp(logits) / tf.reduce_sum(tf.exp(logits), -1, keepdims=True)
    return -tf.reduce_mean(tf.math.log(tf.gather(shares, labels, batch_dims=1)))


def gradients(network, function, labels):
    """Logits, and the loss's gradient in each variable: {path: array}."""
    variables = network.trainable_variables
    with tf.GradientTape() as tape:
        logits = function()
        value = loss(logits, labels)
    found = tape.gradient(value, [v.value for v in variables])
    return logits, {
        v.path: np.zeros(v.shape) if g is None else g.numpy()
        for v, g in zip(variables, found, strict=True)
    }


def assert_same(network, theirs, shape, draws=(), **options):
    """A network and its second implementation agree.

    They do so in the logits by the given statistics, and in training in the
    logits and in every gradient.

    Args:
        network: the one under test.
        theirs: a function of images and of whether it is in training.
        shape: (height, width, channels) of an image.
        draws: the `Draws` of ours, which the other takes from an iterator.
        **options: arguments of both in training.
    """
    images, labels = batch(shape)
    assert relative(network(images), theirs(images, False)) < BOUND
    # Without a seed nothing is random; which one does not matter here.
    seed = {"seed": (0, 0)} if draws else {}
    found = gradients(
        network,
        lambda: network(images, training=True, **seed, **options),
        labels,
    )
    if draws:
        options["draws"] = iter(draws.drawn)
    expected = gradients(
        network, lambda: theirs(images, True, **options), labels
    )
    assert relative(found[0], expected[0]) < BOUND
    assert_same_gradients(found[1], expected[1])


def assert_same_gradients(found, expected):
    """Each of {name: gradient} deviates by less than `BOUND`."""
    largest = max(np.abs(g).max() for g in expected.values())
    deviations = {
        name: np.abs(found[name] - gradient).max()
        / max(np.abs(gradient).max(), SMALLEST * largest)
        for name, gradient in expected.items()
    }
    worst = max(deviations, key=deviations.get)
    assert deviations[worst] < BOUND, (worst, deviations[worst])


class Draws:
    """In place of TensorFlow's numbers: others, which it keeps.

    Example: `monkeypatch.setattr(tf.random, "stateless_uniform", Draws())`.
    """

    def __init__(self):
        self.drawn = []

    def __call__(self, shape, seed, minval=0, maxval=1, dtype=tf.float32):
        random = np.random.default_rng([1, len(self.drawn)])
        numbers = random.random(tuple(np.asarray(shape)))
        self.drawn.append(numbers)
        return tf.constant(minval + (maxval - minval) * numbers, dtype)


def _directly(layer, *inputs, training):
    return layer(*inputs, training=training)
