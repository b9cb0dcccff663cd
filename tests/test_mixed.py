"""The mixed operation against its definition, summed edge by edge."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from parity import relative

from tfnas.layers.fast.shared_trace import SharedTrace
from tfnas.layers.mixed import MixedOperation
from tfnas.layers.operations import operation
from tfnas.spaces.darts import PRIMITIVES

CHANNELS = 4
EDGE_SETS = {
    "alike": [PRIMITIVES] * 3,
    "one edge": [PRIMITIVES],
    "one candidate": [["skip_connect"], ["sep_conv_3x3"]],
    # P-DARTS keeps other operations on each edge.
    "each its own": [
        ["none", "max_pool_3x3", "sep_conv_3x3", "dil_conv_5x5"],
        ["sep_conv_3x3", "skip_connect", "avg_pool_3x3", "none"],
        ["sep_conv_5x5", "dil_conv_5x5", "sep_conv_3x3", "max_pool_3x3"],
    ],
    "an empty edge": [["skip_connect"], ["none"], ["max_pool_3x3"]],
    "empty edges only": [["none"], ["none"]],
}


def random(*shape):
    generator = np.random.default_rng(sum(shape))
    return tf.constant(generator.normal(size=shape))


def copy_edge(wide, place, single):
    """Give a single-edge operation its part of the wide one's weights."""
    for ours, its in zip(wide.variables, single.variables, strict=True):
        axis = 2 if ours.name.startswith("depthwise") else -1
        edges = ours.shape[axis] // its.shape[axis]
        its.assign(np.split(ours.numpy(), edges, axis)[place % edges])


def naive(mixed, state, weights, training):
    """sum_o weight_o * o(x) for each edge, with layers of one edge each."""
    outputs, singles = [], []
    zero = tf.zeros_like(state[:, :: mixed.stride, :: mixed.stride])
    for edge, names in enumerate(mixed.operations):
        total = zero
        for column, name in enumerate(names):
            if name == "none":
                continue
            single = operation(
                name,
                CHANNELS,
                stride=mixed.stride,
                affine=False,
                normalize_pools=True,
                dtype="float64",
            )
            single.build(state.shape)
            place = mixed.places[name].index((edge, column))
            copy_edge(mixed.candidates[name], place, single)
            singles.append((name, place, single))
            total += weights[edge, column] * single(state, training=training)
        outputs.append(total)
    return tf.concat(outputs, -1), singles


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("size", [(6, 6), (7, 5)], ids=str)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("edges", EDGE_SETS.values(), ids=EDGE_SETS)
def test_sum_over_the_candidates_of_each_edge(edges, stride, size, training):
    mixed = MixedOperation(CHANNELS, edges, stride, dtype="float64")
    state = random(3, *size, CHANNELS)
    weights = random(len(edges), len(edges[0]))
    mixed.build(state.shape)
    expected, singles = naive(mixed, state, weights, training)
    actual = mixed(state, weights, training=training)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-11)
    assert mixed.compute_output_shape(state.shape) == actual.shape
    for name, place, single in singles:  # their statistics moved alike
        after = [v.numpy() for v in single.variables]
        copy_edge(mixed.candidates[name], place, single)
        for variable, value in zip(single.variables, after, strict=True):
            np.testing.assert_allclose(variable, value, rtol=0, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    "edges",
    [EDGE_SETS["alike"], EDGE_SETS["each its own"]],
    ids=["same", "own"],
)
def test_gradients(edges, stride):
    """In the state and in the weights of the mixture, as of the plain sum."""
    mixed = MixedOperation(CHANNELS, edges, stride, dtype="float64")
    state = random(3, 6, 6, CHANNELS)
    weights = random(len(edges), len(edges[0]))
    mixed.build(state.shape)
    found = []
    for function in (
        lambda: mixed(state, weights, training=True),
        lambda: naive(mixed, state, weights, training=True)[0],
    ):
        with tf.GradientTape() as tape:
            tape.watch([state, weights])
            loss = tf.reduce_sum(tf.sin(function()))
        found.append(tape.gradient(loss, [state, weights]))
    for actual, expected in zip(*found, strict=True):
        assert relative(actual, expected) < 1e-11


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("stride", [1, 2])
def test_none_is_the_authors_zero(golden, stride, mode):
    record = golden("ops_C8.npz")
    layer = MixedOperation(8, [["none"]], stride)
    actual = layer(
        record["x"].transpose(0, 2, 3, 1),
        tf.ones((1, 1)),
        training=mode == "train",
    )
    expected = record[f"none/s{stride}/plain/{mode}"].transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(actual, expected)


def test_configuration_round_trip():
    layer = MixedOperation(CHANNELS, EDGE_SETS["each its own"], 2)
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()


# === Shared traces ===


def test_a_shared_trace_does_what_the_layer_does():
    layers = [
        MixedOperation(CHANNELS, EDGE_SETS["alike"], name=name, dtype="float64")
        for name in ("called", "traced")
    ]
    state, weights = random(3, 6, 6, CHANNELS), random(3, 8)
    for layer in layers:
        layer.build(state.shape)
    called, traced = layers
    traced.set_weights(called.get_weights())
    trace = SharedTrace()
    for training in (True, False):
        np.testing.assert_allclose(
            trace(traced, state, weights, training=training),
            called(state, weights, training=training),
            rtol=0,
            atol=1e-12,
        )
    for a, b in zip(traced.variables, called.variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_layers_of_one_kind_share_a_trace_and_keep_their_weights():
    trace = SharedTrace()
    state, weights = random(3, 6, 6, CHANNELS), random(1, 1)
    kinds = [["sep_conv_3x3"], ["sep_conv_3x3"], ["sep_conv_5x5"]]
    layers = [
        MixedOperation(CHANNELS, [names], dtype="float64") for names in kinds
    ]
    for layer in layers:
        layer.build(state.shape)
    for layer in layers:
        np.testing.assert_allclose(
            trace(layer, state, weights),
            layer(state, weights),
            rtol=0,
            atol=1e-12,
        )
    assert len(trace._functions) == 2
