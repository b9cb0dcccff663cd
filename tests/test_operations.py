"""The candidate operations against the authors' own, in float32."""

import numpy as np
import pytest
import tensorflow as tf
from parity import part, relative

from tfnas.layers.operations import operation
from tfnas.layers.reduction import FactorizedReduce, ReluConvolution

# The authors number the parts of a torch.nn.Sequential; ours have names.
SEPARABLE = {
    "op.1": "depthwise_1",
    "op.2": "pointwise_1",
    "op.3": "norm_1",
    "op.5": "depthwise_2",
    "op.6": "pointwise_2",
    "op.7": "norm_2",
}
DILATED = {"op.1": "depthwise", "op.2": "pointwise", "op.3": "norm"}
HALVED = {"conv_1": "pointwise_1", "conv_2": "pointwise_2", "bn": "norm"}
FACTORIZED = {"1": "horizontal", "2": "vertical", "3": "norm"}
RELU_CONV = {"op.1": "pointwise", "op.2": "norm"}
PARTS = {
    "avg_pool_3x3": {},
    "max_pool_3x3": {},
    "skip_connect": HALVED,
    "sep_conv_3x3": SEPARABLE,
    "sep_conv_5x5": SEPARABLE,
    "sep_conv_7x7": SEPARABLE,
    "dil_conv_3x3": DILATED,
    "dil_conv_5x5": DILATED,
    "conv_7x1_1x7": FACTORIZED,
}
NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def load(layer, parts, arrays):
    """Give a layer the weights and statistics of the authors' module."""
    assigned = set()
    for name, array in arrays.items():
        path, _, suffix = name.rpartition(".")
        variable = getattr(layer, parts[path])
        if array.ndim == 1:
            variable = getattr(variable, NORM[suffix])
        elif parts[path].startswith("depthwise"):
            array = array.transpose(2, 3, 0, 1)
        else:
            array = array.transpose(2, 3, 1, 0)
        variable.assign(array)
        assigned.add(variable.path)
    assert assigned == {variable.path for variable in layer.variables}


def assert_outputs(layer, parts, golden, case):
    record = golden("ops_C8.npz")
    x = tf.constant(record["x"].transpose(0, 2, 3, 1))
    layer.build(x.shape)
    arrays = part(record, f"{case}/param/") | part(record, f"{case}/buffer/")
    load(layer, parts, arrays)
    # Training comes last: it moves the statistics that evaluation is given.
    for mode in ("eval", "train"):
        actual = layer(x, training=mode == "train")
        expected = record[f"{case}/{mode}"].transpose(0, 2, 3, 1)
        assert relative(actual, expected) < 1e-5
    assert layer.compute_output_shape(x.shape) == actual.shape


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", PARTS)
def test_operation(golden, name, stride, affine):
    layer = operation(name, 8, stride=stride, affine=affine)
    case = f"{name}/s{stride}/{'affine' if affine else 'plain'}"
    assert_outputs(layer, PARTS[name], golden, case)


def test_factorized_reduce_to_other_channels(golden):
    assert_outputs(FactorizedReduce(6), HALVED, golden, "FactorizedReduce_8_6")


def test_relu_convolution_to_other_channels(golden):
    assert_outputs(ReluConvolution(6), RELU_CONV, golden, "ReLUConvBN_8_6")


def join(name, values):
    """The weight of three edges from those of single edges."""
    return np.concatenate(values, 2 if name.startswith("depthwise") else -1)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    "name", ["skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3"]
)
def test_three_edges_are_three_operations(name, stride):
    x = tf.constant(np.random.default_rng(0).normal(size=(4, 9, 7, 6)))
    options = {"stride": stride, "dtype": "float64"}
    wide = operation(name, 6, edges=3, **options)
    single = [operation(name, 6, **options) for _ in range(3)]
    for layer in (wide, *single):
        layer.build(x.shape)
    ours = [layer.variables for layer in single]
    for variable, *three in zip(wide.variables, *ours, strict=True):
        variable.assign(join(variable.name, [v.numpy() for v in three]))

    outputs = [layer(x, training=True) for layer in single]
    actual = wide(x, training=True)
    if wide.shared:
        outputs = outputs[:1]
    assert relative(actual, np.concatenate(outputs, -1)) < 1e-12
    assert wide.compute_output_shape(x.shape) == actual.shape
    for variable, *three in zip(wide.variables, *ours, strict=True):
        expected = join(variable.name, [v.numpy() for v in three])
        np.testing.assert_allclose(variable, expected, atol=1e-12)


@pytest.mark.parametrize(
    "layer",
    [
        operation("sep_conv_5x5", 8, stride=2, edges=3, affine=False),
        operation("dil_conv_3x3", 8),
        operation("avg_pool_3x3", 8, stride=2, normalize_pools=True),
        operation("skip_connect", 8),
        operation("skip_connect", 8, stride=2),
        ReluConvolution(8, affine=False),
    ],
    ids=lambda layer: layer.name,
)
def test_configuration_round_trip(layer):
    config = layer.get_config()
    assert type(layer).from_config(config).get_config() == config


@pytest.mark.parametrize(
    ("name", "weight", "fan_in"),
    [
        ("sep_conv_5x5", "depthwise_1", 25),
        ("sep_conv_5x5", "pointwise_2", 32),
        ("dil_conv_3x3", "depthwise", 9),
    ],
)
def test_initial_weights_fill_pytorchs_interval(name, weight, fan_in):
    layer = operation(name, 32, edges=4)
    layer.build((None, 8, 8, 32))
    largest = np.abs(getattr(layer, weight)).max()
    assert 0.98 < largest * fan_in**0.5 <= 1
