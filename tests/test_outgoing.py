"""What surrounds a mixed operation, against its definition edge by edge."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfnas.genotype import ATTENTIONS
from tfnas.layers import mixed
from tfnas.layers.operations import operation
from tfnas.layers.outgoing import EdgeOptions, OutgoingEdges
from tfnas.networks.darts.supernet import Supernet
from tfnas.spaces.attention import OPERATIONS_AND_ATTENTIONS

CHANNELS = 8
EDGES = 3
NAMES = ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3")
SIZE = (6, 8)
STRIDES = pytest.mark.parametrize("stride", [1, 2])


def random(*shape):
    return tf.constant(np.random.default_rng(sum(shape)).normal(size=shape))


STATE = random(4, *SIZE, CHANNELS)
ALPHAS = random(EDGES, len(NAMES))


def edges_of(stride, names=NAMES, **options):
    """A layer in float64, built."""
    layer = OutgoingEdges(
        CHANNELS, [names] * EDGES, stride, options, dtype="float64"
    )
    layer.build(STATE.shape)
    return layer


def per_edge(outputs):
    return tf.split(outputs, EDGES, axis=-1)


# === Part of the channels (PC-DARTS) ===


def two_by_two(x):
    """Max pooling of 2x2 pixels with stride 2."""
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))


@STRIDES
@pytest.mark.parametrize("parts", [2, 4])
def test_a_part_is_mixed_the_rest_passes_by_and_both_are_shuffled(
    parts, stride
):
    """z = concat[mixed, rest]; out[K j + g] = z[g C / K + j]."""
    layer = edges_of(stride, partial=parts)
    width = CHANNELS // parts
    mixed_parts = per_edge(layer.mixed(STATE[..., :width], ALPHAS))
    rest = STATE.numpy()[..., width:]
    if stride == 2:
        rest = two_by_two(rest)
    outputs = per_edge(layer(STATE, {"alphas": ALPHAS}))
    for output, own in zip(outputs, mixed_parts, strict=True):
        z = np.concatenate([own, rest], -1)
        for g in range(parts):
            for j in range(width):
                np.testing.assert_allclose(
                    output[..., parts * j + g], z[..., g * width + j]
                )


def test_the_operations_of_a_part_are_narrow():
    layer = edges_of(1, partial=4)
    kernel = layer.mixed.candidates["sep_conv_3x3"].pointwise_1
    assert kernel.shape == (1, 1, CHANNELS // 4, EDGES * CHANNELS // 4)


@STRIDES
@pytest.mark.parametrize("parts", [1, 4])
def test_an_edge_s_weight_multiplies_all_its_channels(parts, stride):
    layer = edges_of(stride, partial=parts)
    shares = tf.constant([0.2, 0.0, 0.8], "float64")
    plain = layer(STATE, {"alphas": ALPHAS})
    weighed = layer(STATE, {"alphas": ALPHAS, "edges": shares})
    for share, a, b in zip(
        shares, per_edge(weighed), per_edge(plain), strict=True
    ):
        np.testing.assert_allclose(a, share * b)


# === The skip that fades (DARTS-) ===


@STRIDES
@pytest.mark.parametrize("fading", [1.0, 0.25, 0.0])
def test_the_auxiliary_skip_is_added_with_its_weight(stride, fading):
    layer = edges_of(stride, auxiliary_skip=True)
    weights = {"alphas": ALPHAS, "auxiliary": tf.constant(fading)}
    outputs = per_edge(layer(STATE, weights))
    plain = per_edge(layer.mixed(STATE, ALPHAS))
    for edge, (output, own) in enumerate(zip(outputs, plain, strict=True)):
        skip = STATE if stride == 1 else reduced(layer.auxiliary, edge)
        np.testing.assert_allclose(output, own + fading * skip, atol=1e-12)


def reduced(wide, edge):
    """The skip of one edge at stride 2, with its part of the weights."""
    single = operation(
        "skip_connect", CHANNELS, stride=2, affine=False, dtype="float64"
    )
    single.build(STATE.shape)
    for ours, its in zip(wide.variables, single.variables, strict=True):
        its.assign(np.split(ours.numpy(), EDGES, axis=-1)[edge])
    return single(STATE)


# === A second mixture (Att-DARTS) ===


@STRIDES
def test_attention_after_every_operation(stride):
    """sum_t beta_t * attention_t(mixture), edge by edge."""
    layer = edges_of(stride, second=ATTENTIONS)
    betas = random(EDGES, len(ATTENTIONS))
    mixture = layer.mixed(STATE, ALPHAS)
    (second,) = layer.second
    attended = [
        per_edge(second.candidates[name](mixture)) for name in ATTENTIONS
    ]
    outputs = per_edge(layer(STATE, {"alphas": ALPHAS, "betas": betas}))
    for edge, output in enumerate(outputs):
        expected = sum(
            betas[edge, t] * attended[t][edge] for t in range(len(ATTENTIONS))
        )
        np.testing.assert_allclose(output, expected, atol=1e-12)


@STRIDES
def test_operations_and_attentions_mixed_twice(stride):
    """sum_m beta_m * op_m(h) on the result h of each edge, at stride 1."""
    names = OPERATIONS_AND_ATTENTIONS
    layer = edges_of(stride, names, second=names)
    alphas, betas = random(EDGES, len(names)), random(EDGES, len(names)) + 1
    mixture = per_edge(layer.mixed(STATE, alphas))
    outputs = per_edge(layer(STATE, {"alphas": alphas, "betas": betas}))
    for edge, (h, output) in enumerate(zip(mixture, outputs, strict=True)):
        candidates = layer.second[edge].candidates
        expected = sum(
            betas[edge, m] * candidates[name](h)
            for m, name in enumerate(names)
            if name != "none"
        )
        np.testing.assert_allclose(output, expected, atol=1e-11)


def test_all_of_it_at_once_in_its_order():
    """Bypass, fading skip, attention, edge weight: each on the one before."""
    options = {"second": ATTENTIONS, "partial": 2, "auxiliary_skip": True}
    layer = edges_of(1, **options)
    weights = {
        "alphas": ALPHAS,
        "auxiliary": tf.constant(0.5, "float64"),
        "betas": random(EDGES, len(ATTENTIONS)),
        "edges": random(EDGES),
    }
    partial = edges_of(1, partial=2)
    partial.mixed.set_weights(layer.mixed.get_weights())
    x = partial(STATE, {"alphas": ALPHAS})
    x += tf.tile(0.5 * STATE, [1, 1, 1, EDGES])
    x = layer.second[0](x, weights["betas"])
    x *= tf.repeat(weights["edges"], CHANNELS)
    np.testing.assert_allclose(layer(STATE, weights), x, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [{}, {"second": ATTENTIONS, "partial": 2, "auxiliary_skip": True}],
    ids=["plain", "everything"],
)
def test_configuration_round_trip(options):
    layer = edges_of(2, **options)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert again.get_config() == layer.get_config()
    shapes = [[v.shape for v in one.variables] for one in (layer, again)]
    assert shapes[0] == shapes[1]
    assert dataclasses.asdict(again.options) == dataclasses.asdict(
        EdgeOptions(**options)
    )


# === Dropout on skips (P-DARTS) ===


def only(name):
    """Mixing weights that let one candidate through."""
    return tf.constant([[float(n == name) for n in NAMES]] * EDGES, "float64")


def dropped(layer, name="skip_connect", rate=0.5, seed=(0, 0), state=STATE):
    rate, seed = tf.constant(rate), tf.constant(seed, tf.int64)
    weights = {"alphas": only(name), "skip_dropout": (rate, seed)}
    return layer(state, weights).numpy()


def test_a_rate_of_zero_drops_nothing():
    layer = edges_of(1)
    plain = layer(STATE, {"alphas": only("skip_connect")})
    np.testing.assert_array_equal(dropped(layer, rate=0.0), plain)


def test_what_is_not_dropped_is_scaled_so_that_the_mean_stays():
    ones = tf.ones((64, *SIZE, CHANNELS), "float64")
    for rate in (0.2, 0.5):
        kept = dropped(edges_of(1), rate=rate, state=ones)
        np.testing.assert_allclose(np.unique(kept), [0, 1 / (1 - rate)])
        assert kept.mean() == pytest.approx(1, abs=0.01)


def test_the_seed_decides_and_every_edge_has_a_mask_of_its_own():
    layer = edges_of(1)
    first, same, other = (
        dropped(layer, seed=seed) for seed in ((7, 0), (7, 0), (7, 1))
    )
    np.testing.assert_array_equal(first, same)
    assert np.any(first != other)
    masks = [edge.numpy() == 0 for edge in per_edge(first)]
    assert np.any(masks[0] != masks[1])
    assert np.any(masks[1] != masks[2])


@pytest.mark.parametrize(
    ("name", "stride"),
    [
        ("skip_connect", 2),  # a FactorizedReduce, no identity
        ("max_pool_3x3", 1),
        ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 2),
    ],
)
def test_nothing_but_identity_skips_is_dropped(name, stride):
    layer = edges_of(stride)
    plain = layer(STATE, {"alphas": only(name)})
    np.testing.assert_array_equal(dropped(layer, name), plain)


@pytest.fixture(scope="module")
def pdarts():
    """A net of two nodes whose skips are dropped at a rate of a half."""
    supernet = Supernet(
        "pdarts",
        input_shape=(8, 8, 1),
        channels=2,
        cells=3,
        nodes=2,
        operations=["skip_connect", "max_pool_3x3"],
    )
    supernet.skip_dropout_rate.assign(0.5)
    return supernet


def test_skips_are_dropped_in_training_only(pdarts):
    images = random(4, 8, 8, 1)

    def logits(training, seed=(0, 0)):
        return pdarts(images, training=training, seed=seed).numpy()

    np.testing.assert_array_equal(logits(False), logits(False, (1, 0)))
    np.testing.assert_array_equal(logits(True), logits(True))
    assert np.any(logits(True) != logits(True, (1, 0)))
    assert np.any(logits(True) != logits(True, (0, 1)))


def test_every_state_of_every_cell_draws_on_its_own(pdarts, monkeypatch):
    seeds = []

    def draw(inputs, rate, seed):
        seeds.append(tuple(seed.numpy()))
        return inputs

    monkeypatch.setattr(mixed, "_dropout", draw)
    monkeypatch.setattr(pdarts, "_trace", None)
    pdarts(random(4, 8, 8, 1), training=True, seed=(5, 3))
    # Three states in the normal cell; in the two reductions the inputs have
    # stride 2, and the first node is left.
    assert len(seeds) == 3 + 2 * 1
    assert len(set(seeds)) == len(seeds)
    assert {second for _, second in seeds} == {3}
