"""Max pooling and its derivatives against windows that are written out."""

import numpy as np
import pytest
import tensorflow as tf

from tfnas.layers.fast.max_pooling import max_pool


def first_maxima(maps):
    """For each window, in the order of its place, the place of its maximum."""
    images, height, width, channels = maps.shape
    places = np.arange(maps.size).reshape(maps.shape)
    found = np.empty(maps.shape, int)
    for row in range(height):
        for column in range(width):
            window = (
                slice(None),
                slice(max(row - 1, 0), row + 2),
                slice(max(column - 1, 0), column + 2),
            )
            flat = [images, -1, channels]
            first = maps[window].reshape(flat).argmax(1, keepdims=True)
            at = np.take_along_axis(places[window].reshape(flat), first, 1)
            found[:, row, column] = at[:, 0]
    return found


@pytest.mark.parametrize("in_function", [False, True])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_derivatives(dtype, ties, in_function):
    """Of sum(cos(pool(x))), then of the product of its gradient with u.

    In a function TensorFlow's own second derivative is wrong by its size.
    """
    random = np.random.default_rng(0)
    maps = random.normal(size=(4, 8, 7, 3))
    maps = np.round(maps) if ties else maps
    u = random.normal(size=maps.shape)
    places = first_maxima(maps)
    maxima = maps.ravel()[places]

    def derivatives(x, u):
        with tf.GradientTape() as outer:
            outer.watch(x)
            # A buffer of its own, which TensorFlow may use again.
            scaled = x * tf.cast(tf.size(x), x.dtype) / maps.size
            with tf.GradientTape() as tape:
                tape.watch(scaled)
                outputs = max_pool(scaled)
                loss = tf.reduce_sum(tf.cos(outputs))
            first = tape.gradient(loss, scaled)
            product = tf.reduce_sum(tf.sin(first * u))
        return outputs, first, outer.gradient(product, x)

    if in_function:
        derivatives = tf.function(derivatives)
    outputs, first, second = derivatives(
        tf.constant(maps, dtype), tf.constant(u, dtype)
    )

    def scattered(numbers):
        sums = np.zeros(maps.size)
        np.add.at(sums, places.ravel(), numbers.ravel())
        return sums.reshape(maps.shape)

    gradient = scattered(-np.sin(maxima))
    upstream = (np.cos(gradient * u) * u).ravel()[places]
    expected = scattered(-np.cos(maxima) * upstream)
    close = {"rtol": 0, "atol": 5e-5 if dtype == "float32" else 1e-12}
    np.testing.assert_allclose(outputs, maxima, **close)
    np.testing.assert_allclose(first, gradient, **close)
    np.testing.assert_allclose(second, expected, **close)
