"""Convolutions of several edges at once against stock ones, edge by edge."""

import numpy as np
import pytest
import tensorflow as tf

from tfnas.layers.fast import kernels


@pytest.fixture
def normal():
    """A function from a shape to normally distributed float64 numbers."""
    generator = np.random.default_rng(0)
    return lambda *shape: tf.constant(generator.normal(size=shape))


def naive_depthwise(x, kernel, stride, dilation):
    """PyTorch's definition, tap by tap: zeros on all sides, then slices."""
    x, kernel = np.asarray(x), np.asarray(kernel)
    size, (height, width) = kernel.shape[0], x.shape[1:3]
    pad = dilation * (size // 2)
    x = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    full = sum(
        x[:, dilation * i :, dilation * j :][:, :height, :width]
        * kernel[i, j, :, 0]
        for i in range(size)
        for j in range(size)
    )
    return full[:, ::stride, ::stride]


@pytest.mark.parametrize("shape", [(8, 8), (9, 7), (4, 5), (1, 2)])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5, 7])
def test_depthwise_pads_as_pytorch(normal, size, stride, dilation, shape):
    x, kernel = normal(2, *shape, 3), normal(size, size, 3, 1)
    np.testing.assert_allclose(
        kernels.depthwise(x, kernel, stride, dilation),
        naive_depthwise(x, kernel, stride, dilation),
        atol=1e-12,
    )


@pytest.mark.parametrize("edges", [1, 3])
def test_pointwise_is_a_product_on_each_edge(normal, edges):
    x, kernel = normal(2, 5, 4, edges * 6), normal(1, 1, 6, edges * 2)
    parts = zip(
        np.split(np.asarray(x), edges, -1),
        np.split(np.asarray(kernel), edges, -1),
        strict=True,
    )
    np.testing.assert_allclose(
        kernels.pointwise(x, kernel, edges),
        np.concatenate([part @ matrix[0, 0] for part, matrix in parts], -1),
        atol=1e-12,
    )


def test_pointwise_takes_an_unknown_batch_size(normal):
    x, kernel = normal(2, 5, 4, 12), normal(1, 1, 6, 6)

    @tf.function(input_signature=[tf.TensorSpec((None, 5, 4, 12), x.dtype)])
    def traced(x):
        return kernels.pointwise(x, kernel, edges=2)

    np.testing.assert_array_equal(
        traced(x), kernels.pointwise(x, kernel, edges=2)
    )


def test_subsample_keeps_the_first_row_and_column():
    x = np.arange(15.0).reshape(1, 3, 5, 1)
    kept = kernels.subsample(tf.constant(x), 2)
    np.testing.assert_array_equal(np.squeeze(kept), [[0, 2, 4], [10, 12, 14]])


def test_widen_repeats_the_map_edge_after_edge():
    wide = kernels.widen(tf.constant([[[[1, 2]]]]), 3)
    np.testing.assert_array_equal(np.squeeze(wide), [1, 2, 1, 2, 1, 2])


def test_uniform_fills_pytorchs_interval():
    sample = np.abs(kernels.uniform(fan_in=25)((100, 100)))
    assert 0.199 < sample.max() <= 0.2
    assert sample.mean() == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("shape", [(1,), (4,), (4, 3)])
def test_for_channels_repeats(normal, shape):
    shares = normal(*shape)
    np.testing.assert_array_equal(
        kernels.for_channels(shares, 5), np.repeat(shares, 5, axis=0)
    )


def test_for_channels_keeps_the_graph_small(normal):
    """A supernet has hundreds of them; `tf.repeat` makes 40 nodes of each."""

    @tf.function(autograph=False)
    def gradient(shares):
        with tf.GradientTape() as tape:
            tape.watch(shares)
            wide = kernels.for_channels(shares, 5)
        return tape.gradient(wide, shares)

    graph = gradient.get_concrete_function(normal(4)).graph
    assert len(graph.as_graph_def().node) < 20
