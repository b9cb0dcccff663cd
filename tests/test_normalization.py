"""Batch normalisation as PyTorch defines it, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tfnas.layers.fast.normalization import BatchNormalization

EPSILON = 1e-5
SHAPES = [(6, 5, 4, 3), (8, 3)]
# float32 maps take TensorFlow's fused operation, all others the plain one.
DTYPES = {"float32": 2e-6, "float64": 1e-13}


def sample(shape, dtype, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(loc=1, scale=3, size=shape).astype(dtype)


def layer_with_random_values(shape, dtype, affine):
    layer = BatchNormalization(affine, dtype=dtype)
    layer.build((None, *shape[1:]))
    generator = np.random.default_rng(1)
    for variable in layer.variables:
        variable.assign(generator.uniform(0.5, 2, variable.shape))
    return layer


def expected(x, layer, mean, variance):
    """(x - mean) / sqrt(variance + epsilon), scaled and moved if affine."""
    normal = (x - mean) / np.sqrt(variance + EPSILON)
    if layer.affine:
        normal = normal * layer.gamma.numpy() + layer.beta.numpy()
    return normal


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_training_uses_and_remembers_the_batch(dtype, shape, affine):
    x, layer = sample(shape, dtype), None
    layer = layer_with_random_values(shape, dtype, affine)
    pixels = x.astype("float64").reshape(-1, shape[-1])
    moving_mean = layer.moving_mean.numpy()
    moving_variance = layer.moving_variance.numpy()
    tolerance = {"rtol": DTYPES[dtype], "atol": DTYPES[dtype]}

    outputs = layer(x, training=True)
    np.testing.assert_allclose(
        outputs,
        expected(x, layer, pixels.mean(0), pixels.var(0)),
        **tolerance,
    )
    np.testing.assert_allclose(
        layer.moving_mean,
        0.9 * moving_mean + 0.1 * pixels.mean(0),
        **tolerance,
    )
    # PyTorch normalises by the biased variance and remembers the unbiased.
    np.testing.assert_allclose(
        layer.moving_variance,
        0.9 * moving_variance + 0.1 * pixels.var(0, ddof=1),
        **tolerance,
    )


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_evaluation_uses_the_moving_statistics(dtype, shape, affine):
    x = sample(shape, dtype)
    layer = layer_with_random_values(shape, dtype, affine)
    before = layer.get_weights()
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    np.testing.assert_allclose(
        layer(x),
        expected(x, layer, mean, variance),
        rtol=DTYPES[dtype],
        atol=DTYPES[dtype],
    )
    np.testing.assert_array_equal(before, layer.get_weights())


def test_a_frozen_layer_evaluates_even_in_training():
    x, layer = sample((4, 2, 2, 3), "float32"), BatchNormalization()
    layer(x, training=True)
    layer.trainable = False
    np.testing.assert_array_equal(layer(x, training=True), layer(x))


def test_evaluation_s_derivatives():
    """Each is linear in the map, scale and offset, so NumPy has them."""
    layer = layer_with_random_values((6, 5, 4, 3), "float32", affine=True)
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    x = tf.constant(sample((6, 5, 4, 3), "float32"))
    probe = sample(x.shape, "float32", seed=2)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x) * probe)
    found = tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])
    normal = (x - mean) / np.sqrt(variance + EPSILON)
    wanted = (
        probe * layer.gamma.numpy() / np.sqrt(variance + EPSILON),
        np.sum(probe * normal, (0, 1, 2), "float64"),
        np.sum(probe, (0, 1, 2), "float64"),
    )
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_evaluation_of_no_image_at_all():
    """A replica may be left without images of a short batch."""
    layer = layer_with_random_values((0, 5, 4, 3), "float32", affine=True)
    assert layer(np.ones((0, 5, 4, 3), "float32")).shape == (0, 5, 4, 3)


def test_evaluation_is_one_operation():
    layer = layer_with_random_values((6, 5, 4, 3), "float32", affine=True)
    call = tf.function(layer).get_concrete_function(
        tf.TensorSpec((None, 5, 4, 3))
    )
    of_maps = [
        operation.type
        for operation in call.graph.get_operations()
        for tensor in operation.outputs[:1]
        if tensor.shape.rank == 4
        and operation.type not in ("Placeholder", "Identity")
    ]
    assert of_maps == ["FusedBatchNormV3"]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("affine", [False, True])
def test_first_derivative(shape, affine):
    """Against central differences, which are exact to about 1e-9 here."""
    layer = layer_with_random_values(shape, "float64", affine)
    _, gradient = loss_and_gradient(layer, sample(shape, "float64"), shape)
    assert_directional_derivative(
        lambda x: loss_and_gradient(layer, x, shape)[0],
        gradient[None],
        shape,
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("affine", [False, True])
def test_second_derivative(shape, affine):
    """Second-order DARTS differentiates through a gradient."""
    layer = layer_with_random_values(shape, "float64", affine)
    probe = tf.constant(sample(shape, "float64", seed=4))
    x = tf.constant(sample(shape, "float64"))
    with tf.GradientTape() as tape:
        tape.watch(x)
        slope = tf.reduce_sum(probe * loss_and_gradient(layer, x, shape)[1])
    assert_directional_derivative(
        lambda x: tf.reduce_sum(probe * loss_and_gradient(layer, x, shape)[1]),
        tape.gradient(slope, x)[None],
        shape,
    )


def loss_and_gradient(layer, x, shape):
    """A loss without symmetries, and its gradient in the inputs."""
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x, training=True)
        loss = tf.reduce_sum(tf.sin(outputs) * sample(shape, "float64", seed=2))
    return loss, tape.gradient(loss, x)


def assert_directional_derivative(function, gradient, shape, step=1e-5):
    x, direction = sample(shape, "float64"), sample(shape, "float64", seed=3)
    ahead, behind = (
        function(x + step * direction),
        function(x - step * direction),
    )
    np.testing.assert_allclose(
        np.sum(gradient * direction), (ahead - behind) / (2 * step), rtol=1e-7
    )


@pytest.mark.parametrize("training", [False, True])
def test_the_fused_second_derivative_is_that_of_float64(training):
    shape, probe = (6, 5, 4, 3), sample((6, 5, 4, 3), "float64", seed=4)
    results = []
    for dtype in ("float64", "float32"):
        layer = layer_with_random_values(shape, dtype, affine=False)
        x = tf.constant(sample(shape, dtype))
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(tf.sin(layer(x, training=training)))
            slope = tf.reduce_sum(inner.gradient(loss, x) * probe.astype(dtype))
        results.append(outer.gradient(slope, x))
    np.testing.assert_allclose(*results[::-1], rtol=1e-3, atol=1e-5)


def test_float16_maps_keep_statistics_in_float32():
    shape = (6, 5, 4, 3)
    layer = BatchNormalization(dtype="mixed_float16")
    outputs = layer(sample(shape, "float32"), training=True)
    assert outputs.dtype == tf.float16
    assert layer.moving_variance.dtype == "float32"
    pixels = sample(shape, "float32").astype("float16").astype("float64")
    np.testing.assert_allclose(
        layer.moving_mean, 0.1 * pixels.mean((0, 1, 2)), rtol=1e-5
    )


@pytest.mark.parametrize("affine", [False, True])
def test_configuration_round_trip(affine):
    layer = BatchNormalization(affine, momentum=0.7, epsilon=1e-3, name="norm")
    again = BatchNormalization.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.affine, again.momentum, again.epsilon) == (affine, 0.7, 1e-3)
