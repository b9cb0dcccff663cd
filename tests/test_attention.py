"""Attentions against the authors' results, counts and finite differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kinks import far_from_kinks

from tfnas.convert.layouts import CONVOLUTION, DENSE, DEPTHWISE, VECTOR
from tfnas.genotype import ATTENTIONS
from tfnas.layers.attention.bottleneck import dilated
from tfnas.layers.attention.mixed import MixedAttention, attention

SEARCHED = ATTENTIONS[1:]
AUTHORS = {
    "identity": "Identity",
    "se": "SE",
    "bam": "BAM",
    "cbam": "CBAM",
    "ge_theta_plus": "GE_theta-plus",
    "double_attention": "DoubleAttention",
}
_CHANNEL = "channel_att.gate_c.gate_c_"
_SPATIAL = "spatial_att.gate_s.gate_s_"
# Our attribute, the authors' name, layout (None for a batch norm).
MEMBERS = {
    "identity": (),
    "se": (
        ("squeeze", "excitation.0.weight", DENSE),
        ("excite", "excitation.2.weight", DENSE),
    ),
    "bam": (
        ("squeeze", f"{_CHANNEL}fc_0.weight", DENSE),
        ("squeeze_bias", f"{_CHANNEL}fc_0.bias", VECTOR),
        ("squeeze_norm", f"{_CHANNEL}bn_1", None),
        ("excite", f"{_CHANNEL}fc_final.weight", DENSE),
        ("excite_bias", f"{_CHANNEL}fc_final.bias", VECTOR),
        ("reduce", f"{_SPATIAL}conv_reduce0.weight", CONVOLUTION),
        ("reduce_bias", f"{_SPATIAL}conv_reduce0.bias", VECTOR),
        ("reduce_norm", f"{_SPATIAL}bn_reduce0", None),
        ("dilated_1", f"{_SPATIAL}conv_di_0.weight", CONVOLUTION),
        ("dilated_1_bias", f"{_SPATIAL}conv_di_0.bias", VECTOR),
        ("norm_1", f"{_SPATIAL}bn_di_0", None),
        ("dilated_2", f"{_SPATIAL}conv_di_1.weight", CONVOLUTION),
        ("dilated_2_bias", f"{_SPATIAL}conv_di_1.bias", VECTOR),
        ("norm_2", f"{_SPATIAL}bn_di_1", None),
        ("spatial", f"{_SPATIAL}conv_final.weight", CONVOLUTION),
        ("spatial_bias", f"{_SPATIAL}conv_final.bias", VECTOR),
    ),
    "cbam": (
        ("squeeze", "ChannelAttention.mlp.1.weight", DENSE),
        ("squeeze_bias", "ChannelAttention.mlp.1.bias", VECTOR),
        ("excite", "ChannelAttention.mlp.3.weight", DENSE),
        ("excite_bias", "ChannelAttention.mlp.3.bias", VECTOR),
        ("spatial", "SpatialAttention.spatial.conv.weight", CONVOLUTION),
        ("norm", "SpatialAttention.spatial.bn", None),
    ),
    "ge_theta_plus": (
        ("gather", "downop.dwconv.weight", DEPTHWISE),
        ("norm", "downop.bn", None),
        ("squeeze", "mlp.0.weight", CONVOLUTION),
        ("excite", "mlp.2.weight", CONVOLUTION),
    ),
    "double_attention": (
        ("feature", "convA.weight", CONVOLUTION),
        ("feature_bias", "convA.bias", VECTOR),
        ("where", "convB.weight", CONVOLUTION),
        ("where_bias", "convB.bias", VECTOR),
        ("which", "convV.weight", CONVOLUTION),
        ("which_bias", "convV.bias", VECTOR),
        ("back", "convZ.weight", CONVOLUTION),
        ("back_bias", "convZ.bias", VECTOR),
    ),
}
NORM = {"weight": "gamma", "bias": "beta"}
STATISTICS = {"running_mean": "moving_mean", "running_var": "moving_variance"}


def variables(layer, name):
    """Yields (a variable, the authors' name of it, layout, its axis)."""
    for attribute, suffix, layout in MEMBERS[name]:
        member = getattr(layer, attribute)
        if layout:
            yield member, f"param/_mask.{suffix}", layout
            continue
        for leaf, own in NORM.items():
            yield getattr(member, own), f"param/_mask.{suffix}.{leaf}", VECTOR
        for leaf, own in STATISTICS.items():
            yield getattr(member, own), f"buffer/_mask.{suffix}.{leaf}", VECTOR


def built(name, channels, size, edges=1, dtype="float64", seed=3):
    """A layer whose every variable, gammas and biases too, is random."""
    layer = attention(name, channels, edges=edges, dtype=dtype)
    layer.build((None, size, size, edges * channels))
    rng = np.random.default_rng(seed)
    for variable in layer.variables:
        variable.assign(rng.uniform(0.5, 1, variable.shape))
        if variable.path.split("/")[-1] not in ("gamma", "moving_variance"):
            variable.assign(variable * rng.choice([-1, 1], variable.shape))
    return layer


def maps(*shape, seed=5):
    return np.random.default_rng(seed).normal(size=shape)


# === The authors' results ===


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-7)]
)
@pytest.mark.parametrize("case", ["c16", "c32"])
@pytest.mark.parametrize("name", ATTENTIONS)
def test_authors_results(golden, name, case, dtype, tolerance):
    arrays = golden("attentions.npz")
    prefix = f"{case}/{AUTHORS[name]}"
    x = arrays[f"{case}/x"].transpose(0, 2, 3, 1).astype(dtype)
    layer = attention(name, x.shape[-1], dtype=dtype)
    layer.build(x.shape)
    table = list(variables(layer, name))
    assert len(table) == len(layer.variables)
    for variable, key, layout in table:
        array = arrays[f"{prefix}/{key}"]
        variable.assign(array.transpose(layout.to_keras))

    for mode in ("eval", "train"):
        outputs = layer(x, training=mode == "train")
        wanted = arrays[f"{prefix}/{mode}"].transpose(0, 2, 3, 1)
        np.testing.assert_allclose(outputs, wanted, tolerance, tolerance)
    for variable, key, _ in table:
        if key.startswith("buffer/"):
            key = key.replace("buffer/", "buffer_after_train/")
            wanted = arrays[f"{prefix}/{key}"]
            np.testing.assert_allclose(variable, wanted, tolerance, tolerance)


# Counted in the authors' code.
COUNTS = {
    (16, 32): (32, 96, 149, 16448, 284),
    (32, 16): (128, 323, 262, 8384, 1080),
    (64, 8): (512, 1173, 680, 4736, 4208),
    (36, 32): (144, 351, 282, 37080, 1359),
    (144, 8): (2592, 5608, 2845, 12096, 20988),
}


@pytest.mark.parametrize(("channels", "size"), COUNTS)
@pytest.mark.parametrize("edges", [1, 3])
def test_authors_counts(channels, size, edges):
    counts = []
    for name in SEARCHED:
        layer = attention(name, channels, edges=edges)
        layer.build((None, size, size, edges * channels))
        counts.append(sum(v.numpy().size for v in layer.trainable_variables))
    wanted = [edges * count for count in COUNTS[channels, size]]
    assert counts == wanted


# === Several edges at once ===


def parted(layer, name, edges):
    """One layer for each edge, with that edge's part of the weights."""
    for edge in range(edges):
        single = attention(name, layer.channels, dtype=layer.dtype)
        single.build((None, 6, 6, layer.channels))
        for (variable, _, layout), (own, _, _) in zip(
            variables(layer, name), variables(single, name), strict=True
        ):
            own.assign(np.split(variable.numpy(), edges, layout.axis)[edge])
        yield single


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("channels", [4, 32])
@pytest.mark.parametrize("name", SEARCHED)
def test_edges_side_by_side_are_single_edges(name, channels, training):
    layer = built(name, channels, 6, edges=3)
    x = maps(4, 6, 6, 3 * channels)
    outputs = [
        single(part, training=training)
        for single, part in zip(
            parted(layer, name, 3), np.split(x, 3, -1), strict=True
        )
    ]
    np.testing.assert_allclose(
        layer(x, training=training), np.concatenate(outputs, -1), 1e-10, 1e-10
    )


@pytest.mark.parametrize("edges", [1, 2])
def test_dilated_is_keras_dilated_convolution(edges):
    x, kernel = maps(2, 9, 7, 3 * edges), maps(3, 3, 3, 5 * edges, seed=6)
    wanted = [
        keras.ops.conv(part, filters, padding="same", dilation_rate=4)
        for part, filters in zip(
            np.split(x, edges, -1), np.split(kernel, edges, -1), strict=True
        )
    ]
    outputs = dilated(tf.constant(x), tf.constant(kernel), edges)
    np.testing.assert_allclose(outputs, np.concatenate(wanted, -1), atol=1e-12)


# === Mixture ===


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("names", [ATTENTIONS, ATTENTIONS[::-2]])
def test_mixture_is_the_weighted_sum(names, training):
    edges, channels = 2, 16
    mixed = MixedAttention(channels, edges, names, dtype="float64")
    x = maps(4, 6, 6, edges * channels)
    weights = maps(edges, len(names), seed=7)
    outputs = mixed(x, weights, training=training)

    wanted = 0
    for index, name in enumerate(names):
        layer = mixed.candidates[name]
        share = np.repeat(weights[:, index], channels)
        wanted += share * layer(x, training=training)
    np.testing.assert_allclose(outputs, wanted, 1e-12, 1e-12)


def test_mixture_keeps_itself_in_a_file(tmp_path):
    inputs = keras.Input((6, 6, 8))
    weights = keras.Input(batch_shape=(2, 6))
    outputs = MixedAttention(4, edges=2)(inputs, weights)
    model = keras.Model([inputs, weights], outputs)
    assert outputs.shape == (None, 6, 6, 8)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    given = [maps(2, 6, 6, 8).astype("float32"), np.ones((2, 6), "float32")]
    np.testing.assert_array_equal(loaded(given), model(given))


def test_gather_excite_asks_for_a_fixed_map():
    with pytest.raises(ValueError, match="fixed height and width"):
        attention("ge_theta_plus", 4).build((None, None, None, 4))


@pytest.mark.parametrize(("size", "large"), [(6, 12), (4, 12), (8, 12)])
def test_a_smaller_map_has_the_sum_that_gather_excite_has_of_the_whole(
    size, large
):
    """Both maps repeat the pixels of one picture."""
    layer = built("ge_theta_plus", 8, large)
    picture = maps(3, np.gcd(size, large), np.gcd(size, large), 8)
    small, whole = (
        picture.repeat(pixels // picture.shape[1], 1).repeat(
            pixels // picture.shape[1], 2
        )
        for pixels in (size, large)
    )
    np.testing.assert_allclose(
        layer.mask(tf.constant(small), None),
        layer.mask(tf.constant(whole), None),
        rtol=1e-12,
    )


@pytest.mark.parametrize("name", SEARCHED)
def test_initial_values_are_within_pytorch_bounds(name):
    layer = attention(name, 32)
    layer.build((None, 6, 6, 32))
    fan_in = {}
    for variable, key, layout in variables(layer, name):
        if layout is not VECTOR:
            shape = np.transpose(variable.numpy(), layout.to_torch).shape
            fan_in[key] = np.prod(shape[1:])
    for variable, key, _ in variables(layer, name):
        fan = fan_in.get(key.replace(".bias", ".weight"))
        if fan:
            largest = np.abs(variable.numpy()).max()
            assert 0 < largest <= fan**-0.5
            # Of 30 draws or more, one is in the outer third but for 6e-6.
            assert variable.numpy().size < 30 or largest > fan**-0.5 * 2 / 3


# === Derivatives ===


def derivatives(layer, points, direction, training):
    """Slope of a curved loss along a direction, gradient, and Hessian-vector.

    The points are the layer's arguments, then its trainable variables.
    """
    arguments = points[: len(points) - len(layer.trainable_variables)]
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            outputs = layer(*arguments, training=training)
            loss = tf.reduce_sum(tf.sin(outputs))
        gradient = inner.gradient(loss, points)
        slope = sum(
            tf.reduce_sum(part * to)
            for part, to in zip(gradient, direction, strict=True)
        )
    return loss, slope, gradient, outer.gradient(slope, points)


def subject(name, channels, dtype="float64", edges=2, x=None):
    """A layer, its points and a random direction from there."""
    x = maps(4, 6, 6, edges * channels) if x is None else x
    if name == "mixture":
        layer = MixedAttention(channels, edges, dtype=dtype)
        arguments = [x, maps(edges, 6, seed=7)]
        layer.build(x.shape)
        for part, variable in enumerate(layer.trainable_variables):
            variable.assign(maps(*variable.shape, seed=part))
    else:
        layer = built(name, channels, 6, edges, dtype)
        arguments = [x]
    points = [tf.Variable(part, dtype=dtype) for part in arguments]
    points += [variable.value for variable in layer.trainable_variables]
    direction = [
        tf.constant(maps(*point.shape, seed=seed), dtype)
        for seed, point in enumerate(points, 20)
    ]
    return layer, points, direction


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("channels", [4, 32])
@pytest.mark.parametrize("name", [*SEARCHED, "mixture"])
def test_derivatives_are_finite_differences(name, channels, training):
    layer, points, direction = subject(name, channels)
    _, slope, _, curvature = derivatives(layer, points, direction, training)

    step = 1e-6
    ends = []
    for move in (step, -2 * step):
        for point, to in zip(points, direction, strict=True):
            point.assign_add(move * to)
        ends.append(derivatives(layer, points, direction, training))
    (loss_after, _, after, _), (loss_before, _, before, _) = ends
    np.testing.assert_allclose(
        slope, (loss_after - loss_before) / (2 * step), 1e-6
    )
    largest = max(np.abs(part).max() for part in curvature)
    for part, late, early in zip(curvature, after, before, strict=True):
        difference = (late - early) / (2 * step)
        np.testing.assert_allclose(part, difference, 1e-5, 1e-7 * largest)


@pytest.mark.parametrize("name", [*SEARCHED, "mixture"])
def test_single_precision_has_the_derivatives_of_double(name):
    layer, points, _ = subject(name, 32)
    weights = points[1 : len(points) - len(layer.trainable_variables)]
    (x,) = far_from_kinks(
        lambda x: layer(x, *weights, training=True), points[0].shape
    )
    found = {}
    for dtype in ("float32", "float64"):
        layer, points, direction = subject(name, 32, dtype, x=x)
        found[dtype] = derivatives(layer, points, direction, training=True)[2:]
    for single, double in zip(*found.values(), strict=True):
        largest = max(np.abs(part).max() for part in double)
        for part, wanted in zip(single, double, strict=True):
            np.testing.assert_allclose(part, wanted, 1e-3, 1e-4 * largest)
