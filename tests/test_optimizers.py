"""PyTorch's update rules against NumPy, with a changing learning rate."""

import keras
import numpy as np
import pytest

from tfnas.bilevel.optimizers import SGD, Adam
from tfnas.bilevel.search import clip_by_norm

# A rate that changes tells PyTorch's momentum from Keras's own. The optimizers
# keep it in float32, where these are exact.
RATES = [0.125, 0.125, 0.03125, 0.0625, 0.0]


def gradients(w, step):
    """Any function of the weights and the step does."""
    return [np.sin(value * (step + 1)) + 0.1 * value for value in w]


def start():
    generator = np.random.default_rng(0)
    return [generator.normal(size=shape) for shape in [(3, 4), (5,)]]


def torch_sgd(w, momentum, nesterov=False):
    """v = momentum * v + g; w = w - rate * v, or * (g + momentum * v)."""
    buffers = [np.zeros_like(value) for value in w]
    for step, rate in enumerate(RATES):
        for v, value, g in zip(buffers, w, gradients(w, step), strict=True):
            v[...] = momentum * v + g
            value -= rate * (g + momentum * v if nesterov else v)
    return w, buffers


def torch_adam(w, beta_1, beta_2, epsilon):
    """w = w - rate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)."""
    first = [np.zeros_like(value) for value in w]
    second = [np.zeros_like(value) for value in w]
    for step, rate in enumerate(RATES):
        for m, v, value, g in zip(
            first, second, w, gradients(w, step), strict=True
        ):
            m[...] = beta_1 * m + (1 - beta_1) * g
            v[...] = beta_2 * v + (1 - beta_2) * g**2
            root = np.sqrt(v / (1 - beta_2 ** (step + 1)))
            value -= rate * m / (1 - beta_1 ** (step + 1)) / (root + epsilon)
    return w, first, second


def run(optimizer):
    """The weights after a step at each rate."""
    variables = [keras.Variable(value, dtype="float64") for value in start()]
    optimizer.build(variables)
    for step, rate in enumerate(RATES):
        optimizer.learning_rate = rate
        w = [v.numpy() for v in variables]
        optimizer.apply(
            [keras.ops.convert_to_tensor(g) for g in gradients(w, step)]
        )
    return variables


def assert_equal(actual, expected):
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd(momentum, nesterov):
    optimizer = SGD(momentum=momentum, nesterov=nesterov)
    w, buffers = torch_sgd(start(), momentum, nesterov)
    assert_equal(run(optimizer), w)
    assert_equal(optimizer.buffers, buffers)


@pytest.mark.parametrize(
    "values", [(0.5, 0.999, 1e-8), (0.9, 0.99, 0.1)], ids=str
)
def test_adam(values):
    optimizer = Adam(beta_1=values[0], beta_2=values[1], epsilon=values[2])
    w, first, second = torch_adam(start(), *values)
    assert_equal(run(optimizer), w)
    assert_equal(optimizer.first, first)
    assert_equal(optimizer.second, second)


def test_keras_sgd_differs_when_the_rate_changes():
    """The reason for an SGD of our own; if this fails, it may go."""
    stock = run(keras.optimizers.SGD(momentum=0.9))
    ours = run(SGD(momentum=0.9))
    assert np.abs(stock[0].numpy() - ours[0].numpy()).max() > 1e-3


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.3, momentum=0.7, nesterov=True),
        Adam(0.2, beta_1=0.6, beta_2=0.9, epsilon=1e-3),
    ],
    ids=lambda optimizer: optimizer.name,
)
def test_configuration_round_trip(optimizer):
    config = optimizer.get_config()
    assert type(optimizer).from_config(config).get_config() == config


@pytest.mark.parametrize(
    ("largest", "factor"), [(26.0, 1), (13.0, 1), (6.5, 0.5)]
)
def test_clipping_scales_only_what_is_longer(largest, factor):
    clipped = clip_by_norm([np.array([3.0, 4.0]), np.array([[12.0]])], largest)
    # PyTorch adds 1e-6 to the norm, here 13, so that zero can be divided by.
    np.testing.assert_allclose(clipped[0], [3 * factor, 4 * factor], rtol=1e-7)
    np.testing.assert_allclose(clipped[1], [[12 * factor]], rtol=1e-7)


def test_clipping_leaves_zero_as_it_is():
    np.testing.assert_array_equal(clip_by_norm([np.zeros(2)], 5.0)[0], 0)


def test_first_step_of_adam_is_as_long_as_the_rate():
    """m' / sqrt(v') is the gradient's sign; float32 must not blur it."""
    variable = keras.Variable([0.0, 0.0], dtype="float32")
    optimizer = Adam(learning_rate=0.125)
    optimizer.build([variable])
    optimizer.apply([keras.ops.convert_to_tensor([3.0, -0.5])])
    np.testing.assert_allclose(variable, [-0.125, 0.125], rtol=3e-7)
