"""The fast path against TensorFlow's plain operations (`kernels.plain`)."""

import numpy as np
import pytest
import tensorflow as tf
from parity import untraced

import tfnas
from tfnas.bilevel.hypergradient import cross_entropy
from tfnas.bilevel.search import architecture_gradients
from tfnas.layers.fast import kernels


def random(*shape):
    draws = np.random.default_rng(sum(shape)).normal(size=shape)
    return tf.constant(draws, tf.float32)


def with_gradients(function, *inputs):
    """Value, first gradients, and gradients of their norm (second order)."""
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function(*inputs)
            loss = tf.reduce_sum(tf.sin(outputs))
        first = tape.gradient(loss, inputs)
        norm = sum(tf.reduce_sum(g**2) for g in first)
    return outputs, first, outer.gradient(norm, inputs)


def agree(function, *inputs, tolerance=2e-5):
    fast = with_gradients(function, *inputs)
    with kernels.plain():
        plain = with_gradients(function, *inputs)
    for ours, theirs in zip(
        tf.nest.flatten(fast), tf.nest.flatten(plain), strict=True
    ):
        size = float(tf.reduce_max(tf.abs(theirs)))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * size)


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("taps, dilation", [(3, 1), (5, 1), (7, 1), (5, 2)])
def test_depthwise(taps, dilation, stride, size):
    agree(
        lambda x, k: kernels.depthwise(x, k, stride, dilation),
        random(2, size, size, 6),
        random(taps, taps, 6, 1),
    )


@pytest.mark.parametrize("channels", [2, 11, 12])
def test_seven_taps_of_a_batch_of_any_size(channels):
    """Few channels take the images' place; their number is not known then."""
    images = tf.TensorSpec((None, 8, 9, channels))
    taps = tf.TensorSpec((7, 7, channels, 1))

    def traced(*inputs):  # anew for either path
        signature = [images, taps]
        return tf.function(kernels.depthwise, input_signature=signature)(
            *inputs
        )

    agree(traced, random(3, 8, 9, channels), random(7, 7, channels, 1))


@pytest.mark.parametrize("width", [8, 10, 6, 9])
@pytest.mark.parametrize("rows", [1, 3, 5])
def test_five_columns(rows, width):
    """Pairs of columns from a width of 8 on, if even; else as other kernels."""
    agree(kernels.depthwise, random(2, 7, width, 6), random(rows, 5, 6, 1))


@pytest.mark.parametrize("edges", [1, 3])
@pytest.mark.parametrize("depth, width", [(4, 4), (4, 6), (32, 32), (32, 8)])
def test_pointwise(depth, width, edges):
    """Both ways to the kernel's gradient: below 32 channels and from there."""
    agree(
        lambda x, k: kernels.pointwise(x, k, edges),
        random(2, 4, 4, edges * depth),
        random(1, 1, depth, edges * width),
    )


@pytest.mark.parametrize("size", [8, 9])
def test_subsample(size):
    agree(lambda x: kernels.subsample(x, 2), random(2, size, size, 3))


@pytest.mark.parametrize("edges", [1, 3])
def test_blend_is_the_weighted_sum_of_maps(edges):
    """Values and gradients of sums that are written out, edge by edge."""

    def blend(*inputs):
        *maps, shares = inputs
        return kernels.blend(maps, shares)

    def sums(*inputs):
        *maps, shares = inputs
        return tf.concat(
            [
                tf.add_n([shares[o, e] * m for o, m in enumerate(maps)])
                for e in range(edges)
            ],
            -1,
        )

    inputs = [*(random(2, 4, 6, 5) for _ in range(3)), random(3, edges)]
    inputs[1] = -2 * inputs[0]  # of one seed: three different maps
    inputs[2] = inputs[0] ** 2
    for ours, theirs in zip(
        tf.nest.flatten(with_gradients(blend, *inputs)),
        tf.nest.flatten(with_gradients(sums, *inputs)),
        strict=True,
    ):
        size = float(tf.reduce_max(tf.abs(theirs)))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5 * size)


def test_plain_path_ends_with_its_block():
    assert kernels.fast_path("float32")
    with kernels.plain():
        assert not kernels.fast_path("float32")
    assert kernels.fast_path("float32") and not kernels.fast_path("float64")


@pytest.mark.parametrize(
    "method, channels, cells, nodes",
    [
        ("darts", 8, 3, 2),
        ("pdarts", 4, 3, 2),
        ("att_darts", 4, 3, 2),
        ("pc_darts", 4, 3, 2),
        pytest.param("darts", 8, 5, 4, marks=pytest.mark.slow),
        pytest.param("att_darts", 4, 3, 4, marks=pytest.mark.slow),
    ],
)
def test_supernets_agree(method, channels, cells, nodes):
    supernet = untraced(
        tfnas.Supernet(
            method,
            input_shape=(16, 16, 3),
            channels=channels,
            cells=cells,
            nodes=nodes,
        )
    )
    batch = random(4, 16, 16, 3), tf.constant([0, 1, 2, 3])

    def gradients():
        alphas = architecture_gradients(supernet, batch, batch)
        with tf.GradientTape() as tape:
            loss = cross_entropy(batch[1], supernet(batch[0], training=True))
        weights = [v.value for v in supernet.weight_variables]
        return list(alphas.values()), tape.gradient(loss, weights)

    fast = gradients()
    with kernels.plain():
        plain = gradients()
    for ours, theirs in zip(fast, plain, strict=True):
        difference = [a - b for a, b in zip(ours, theirs, strict=True)]
        error = tf.linalg.global_norm(difference) / tf.linalg.global_norm(
            theirs
        )
        assert error < 1e-4
