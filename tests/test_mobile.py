"""The mobile space: its shapes, its two networks and what they cost."""

import itertools
import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfnas import cost
from tfnas.bilevel.search import BilevelSearch
from tfnas.errors import UserError
from tfnas.genotype import OPERATIONS, Genotype
from tfnas.networks.mobile.evaluation import build_mobile_network
from tfnas.networks.mobile.inverted import InvertedBottleneck, MixedLayer, Skip
from tfnas.networks.mobile.supernet import MobileSupernet
from tfnas.spaces.chain import scaled
from tfnas.spaces.mobile import SPACE

IMAGENET = {"input_shape": (224, 224, 3), "classes": 1000}
TINY = {"input_shape": (8, 8, 1), "width": 0.25}


def genotype(*names):
    """A genotype that goes through these operations again and again."""
    repeated = itertools.islice(itertools.cycle(names), len(SPACE.edges()))
    return Genotype("mobile", layers=tuple(repeated))


def fairnas(code):
    """A genotype from 19 pairs of digits, kernel size and expansion."""
    return genotype(*(f"mb_{k}x{k}_e{e}" for k, e in code.split()))


def images(shape, count=4):
    return np.random.default_rng(0).normal(size=(count, *shape)).astype("f")


def parameters(variables):
    return sum(math.prod(v.shape) for v in variables)


# Networks of the group whose 19 layers these are (arXiv:1907.01845).
FAIRNAS = {
    "B": "53 33 53 33 36 53 73 33 36 53 33 36 73 33 76 56 76 36 56",
    "C": "53 33 73 33 33 33 33 33 33 36 33 33 33 33 76 76 36 36 56",
}

# === Shapes ===


@pytest.mark.parametrize(
    ("size", "halvings", "last"),
    [
        (224, ("stem", 0, 2, 6, 14), 7),
        (64, ("stem", 0, 2, 6, 14), 2),
        (63, (0, 2, 6, 14), 4),
        (32, (2, 6, 14), 4),
        (28, (2, 6, 14), 4),
        (8, (14,), 4),
        (4, (), 4),
    ],
)
def test_small_images_start_with_stride_1(size, halvings, last):
    steps = SPACE.strides((size, size, 3))
    places = ("stem", *range(19))
    halved = [p for p, s in zip(places, steps, strict=True) if s == 2]
    assert tuple(halved) == halvings
    for _ in halved:
        size = math.ceil(size / 2)
    assert size == last


@pytest.mark.parametrize("shape", [(32, 200, 1), (200, 33, 3), (9, 17, 3)])
def test_the_last_map_has_at_least_4_pixels_a_side(shape):
    supernet = MobileSupernet(
        "darts", input_shape=shape, width=0.25, operations=["skip"]
    )
    state = (1, *shape)
    for layer in (supernet.stem, supernet.first, *supernet.mixed):
        state = layer.compute_output_shape(state)
    assert min(state[1:3]) >= 4


def test_the_change_is_said():
    assert SPACE.adaptation((224, 224, 3)) == ""
    line = SPACE.adaptation((28, 32, 1))
    assert "stem, layer 0," in line
    assert line.endswith("last map is 4x4")
    assert "\n" not in line


def test_images_without_room_are_refused():
    with pytest.raises(UserError, match=r"^input_shape=\(3, 8, 1\): .*4x4"):
        SPACE.strides((3, 8, 1))


def test_widths_are_multiples_of_eight_that_keep_nine_tenths():
    for channels, width in itertools.product((16, 40, 96, 320), (0.1, 0.6, 2)):
        found = scaled(channels, width)
        assert found % 8 == 0
        assert 0.9 * channels * width <= found < channels * width + 8
    assert scaled(40, 1) == 40


# === Costs ===


@pytest.mark.parametrize(
    ("name", "million_multiply_adds", "million_parameters"),
    [("B", 345, 4.5), ("C", 321, 4.4)],
)
def test_published_networks_cost_what_their_paper_says(
    name, million_multiply_adds, million_parameters
):
    counted = cost.network_cost(fairnas(FAIRNAS[name]), **IMAGENET)
    assert round(counted.multiply_adds / 1e6) == million_multiply_adds
    assert round(counted.parameters / 1e6, 1) == million_parameters


def test_all_skips_leave_projections_and_the_fixed_parts():
    """Counted by hand: weights plus two numbers a channel for a batch norm."""
    stem = 27 * 32 + 64 + (9 * 32 + 64) + (32 * 16 + 32)
    widths = (16, 32, 40, 80, 96, 192, 320)
    projections = sum(a * b + 2 * b for a, b in itertools.pairwise(widths))
    head = 320 * 1280 + 2 * 1280 + 1281 * 1000
    counted = cost.network_cost(genotype("skip"), **IMAGENET)
    assert counted.parameters == stem + projections + head


@pytest.mark.parametrize(
    ("names", "size"),
    [
        (("mb_3x3_e6",), IMAGENET),
        (("skip",), {}),
        (OPERATIONS["mobile"], {"input_shape": (28, 28, 1), "width": 0.5}),
        (("mb_7x7_e3", "skip"), {**TINY, "classes": 7}),
    ],
)
def test_the_cost_is_that_of_the_network(names, size):
    model = build_mobile_network(genotype(*names), **size)
    counted = cost.network_cost(genotype(*names), **size)
    assert counted.parameters == parameters(model.trainable_variables)


def test_the_supernet_costs_what_it_holds():
    supernet = MobileSupernet("darts", **TINY)
    counted = cost.supernet_cost(supernet.operations, **TINY)
    assert counted.parameters == parameters(supernet.weight_variables)
    # The candidates alone count the fixed parts seven times instead of once:
    # stem, depthwise and 1x1 of the first bottleneck, last layer, classifier.
    alone = [
        cost.supernet_cost({"layers": [[name]] * 19}, **TINY).multiply_adds
        for name in OPERATIONS["mobile"]
    ]
    fixed = 64 * (9 * 8 + 9 * 8 + 8 * 8) + 16 * 80 * 320 + 320 * 10
    assert sum(alone) - counted.multiply_adds == 6 * fixed


# === Layers ===


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [4, 6])
def test_a_bottleneck_is_what_stock_layers_compute(stride, channels):
    layer = InvertedBottleneck(channels, 5, 3, stride=stride)
    x = images((7, 8, 4))
    ours = layer(x)
    rows = iter(
        [
            layer.expand,
            layer.depthwise,
            layer.project,
        ]
    )

    def norm():
        return keras.layers.BatchNormalization(epsilon=1e-5)

    stock = keras.Sequential(
        [
            keras.layers.Conv2D(12, 1, use_bias=False),
            norm(),
            keras.layers.ReLU(max_value=6),
            keras.layers.ZeroPadding2D(2),
            keras.layers.DepthwiseConv2D(5, stride, use_bias=False),
            norm(),
            keras.layers.ReLU(max_value=6),
            keras.layers.Conv2D(channels, 1, use_bias=False),
            norm(),
        ]
    )
    stock.build(x.shape)
    for variable in stock.trainable_variables:
        if variable.name == "kernel":
            variable.assign(next(rows))
    theirs = stock(x) + (x if (stride, channels) == (1, 4) else 0)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_skip_is_the_identity_unless_the_shape_changes():
    x = images((8, 8, 4))
    np.testing.assert_array_equal(Skip(4)(x), x)
    assert Skip(6)(x).shape == (4, 8, 8, 6)
    assert Skip(4, stride=2)(x).shape == (4, 4, 4, 4)


def test_a_mixed_layer_is_the_weighted_sum_of_its_candidates():
    layer = MixedLayer(4, ["mb_3x3_e3", "skip"])
    x = images((8, 8, 4))
    block = layer(x, tf.constant([1.0, 0.0]))
    mixed = layer(x, tf.constant([0.25, 0.5]))
    np.testing.assert_allclose(mixed, 0.25 * block + 0.5 * x, atol=1e-6)


# === Supernet ===


NAMES = ["skip", "mb_3x3_e3"]


@pytest.fixture
def supernet():
    keras.utils.set_random_seed(0)
    return MobileSupernet("darts", operations=NAMES, **TINY)


def test_alpha_has_a_row_for_each_layer_and_is_no_weight(supernet):
    assert list(supernet.architecture) == ["alphas_layers"]
    assert supernet.architecture["alphas_layers"].shape == (19, 2)
    assert np.shape(supernet.operations["layers"]) == (19, 2)
    others = len(supernet.trainable_variables) - 1
    assert len(supernet.weight_variables) == others


def test_the_derived_network_is_the_supernet_with_one_operation_a_layer(
    supernet,
):
    """With weights of 0 and 1 the mixture is the network that it stands for."""
    choice = np.random.default_rng(1).integers(2, size=19)
    alphas = supernet.architecture["alphas_layers"]
    alphas.assign(1000 * np.eye(2)[choice])
    for variable in supernet.weight_variables:
        variable.assign(variable + 0.1)  # norms that are not the identity
    found = supernet.derive()
    network = build_mobile_network(found, **TINY)
    network.layers[-1].set_weights(supernet.classifier.get_weights())
    pairs = {
        name: getattr(supernet, name) for name in ("stem", "first", "last")
    }
    pairs |= {
        layer.name: layer.candidates[column]
        for layer, column in zip(supernet.mixed, choice, strict=True)
    }
    for name, layer in pairs.items():
        network.get_layer(name).set_weights(layer.get_weights())
    x = images((8, 8, 1))
    np.testing.assert_allclose(network(x), supernet(x), atol=1e-5, rtol=1e-5)


def test_derivation_takes_the_strongest_and_counts_the_weak(supernet):
    alphas = np.zeros((19, 2))
    alphas[:, 1] = 0.1
    alphas[3, 0] = 2.0  # sigmoid 0.88
    supernet.architecture["alphas_layers"].assign(alphas)
    supernet.method = SimpleNamespace(
        relaxation="sigmoid", derivation="threshold_node", threshold=0.85
    )
    found = supernet.derive()
    fallback = found.provenance["fallback_layers"]
    assert fallback.startswith("18 of 19 layers") and "0.85" in fallback
    expected = ["mb_3x3_e3"] * 19
    expected[3] = "skip"
    assert list(found.layers) == expected
    assert Genotype.from_json(found.to_json()) == found


def test_a_search_learns_and_moves_alpha(supernet):
    batch = images((8, 8, 1), 8), np.arange(8) % 10
    pairs = tf.data.Dataset.from_tensors((batch, batch)).repeat()
    before = np.array(supernet.architecture["alphas_layers"])
    history = BilevelSearch(supernet).fit(
        pairs, steps_per_epoch=4, epochs=3, verbose=0, shuffle=False
    )
    assert history.history["loss"][-1] < history.history["loss"][0] / 2
    moved = np.array(supernet.architecture["alphas_layers"]) != before
    assert moved.all()


def test_layers_of_one_kind_built_for_other_inputs_share_no_trace(supernet):
    x = images((8, 8, 1))
    shared = supernet(x)
    supernet._trace = lambda layer, *inputs, training: layer(
        *inputs, training=training
    )
    np.testing.assert_allclose(shared, supernet(x), atol=1e-5)


def test_the_supernet_computes_in_float64():
    supernet = MobileSupernet(
        "darts", operations=NAMES, dtype="float64", **TINY
    )
    assert supernet(np.zeros((1, 8, 8, 1))).dtype == tf.float64


@pytest.mark.parametrize("kind", ["supernet", "network"])
def test_models_survive_a_file(kind, supernet, tmp_path):
    network = build_mobile_network(genotype(*NAMES), **TINY)
    model = supernet if kind == "supernet" else network
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    x = images((8, 8, 1))
    np.testing.assert_array_equal(loaded(x), model(x))
    paths = [v.path for v in model.variables]
    assert [v.path for v in loaded.variables] == paths
    assert len(set(paths)) == len(paths)


# === Evaluation network ===


def test_the_network_has_names_that_do_not_count_up():
    first, second = (
        build_mobile_network(genotype("mb_5x5_e3"), **TINY) for _ in range(2)
    )
    paths = [variable.path for variable in first.variables]
    assert [variable.path for variable in second.variables] == paths
    assert "layer_18/expand" in paths
    assert first.inputs[0].name == "image"
    assert first.output_names == ["logits"]


def test_dropout_is_for_training_and_keeps_the_mean():
    network = build_mobile_network(genotype("skip"), dropout=0.5, **TINY)
    dropout = network.get_layer("dropout")
    ones = np.ones((1, 4000), "float32")
    dropped = np.array(dropout(ones, training=True))
    assert set(dropped.flat) == {0, 2}
    assert dropped.mean() == pytest.approx(1, abs=0.1)
    assert np.any(dropped != dropout(ones, training=True))
    np.testing.assert_array_equal(dropout(ones), ones)


@pytest.mark.parametrize(
    "shape", [(224, 224, 3), (64, 64, 3), (28, 28, 1), (8, 8, 1)]
)
def test_the_network_gives_logits_for_any_image(shape):
    network = build_mobile_network(
        genotype("mb_3x3_e3"), input_shape=shape, classes=7, width=0.25
    )
    logits = network(images(shape, 2), training=True)
    assert logits.shape == (2, 7)
    assert np.isfinite(logits).all()


# === Bad input ===


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Genotype("mobile", layers=("skip",)), "^layers: 1 operations; give"),
        (genotype("mb_9x9_e3"), r"^layers\[0\].op: unknown operation"),
    ],
)
def test_another_genotype_is_refused(wrong, message):
    with pytest.raises(UserError, match=message):
        build_mobile_network(wrong)
    with pytest.raises(UserError, match=message):
        cost.network_cost(wrong)


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        (["sep_conv_3x3"], "unknown 'sep_conv_3x3'; choose from mb_3x3_e3"),
        ({"layers": [["skip"]] * 3}, "give 19 lists of equal length"),
    ],
)
def test_other_candidates_are_refused(operations, message):
    with pytest.raises(UserError, match=message):
        MobileSupernet("darts", operations=operations)


def test_a_width_of_nothing_is_refused():
    with pytest.raises(UserError, match="^width=0: "):
        build_mobile_network(genotype("skip"), width=0)
