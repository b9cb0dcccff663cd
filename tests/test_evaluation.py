"""Evaluation networks against the authors' own, and what they promise."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from kinks import far_from_kinks
from parity import part, relative
from published import COUNTS, RUNS, published
from reference_network import BaselineNetwork

import tfnas
from tfnas import convert, cost
from tfnas.errors import UserError
from tfnas.genotype import Cell, Edge, Genotype
from tfnas.layers.auxiliary import AuxiliaryHead
from tfnas.networks.genotype_cell import GenotypeCell

RECORDS = {
    "DARTS_V2": "darts_eval_V2_C4_L3.npz",
    "FairDARTS_a": "fairdarts_eval_a_C4_L3.npz",
}
TINY = {"channels": 4, "cells": 3}


@contextlib.contextmanager
def policy(dtype):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    yield dtype
    keras.config.set_dtype_policy(before)


@pytest.fixture(params=["float64", "float32"])
def dtype(request):
    with policy(request.param) as dtype:
        yield dtype


def recorded(record, name):
    """The network and images of a record."""
    network = tfnas.build_network(published(name), auxiliary=True, **TINY)
    arrays = part(record, "param/") | part(record, "buffer/")
    own = convert.to_authors(network)
    # The copy of Fair DARTS's record that is kept here lacks this head.
    head = {n: own[n] for n in own if n.startswith("auxiliary_head")}
    convert.load_authors_weights(network, head | arrays)
    return network, record["x"].transpose(0, 2, 3, 1)


def count(variables):
    return sum(variable.shape.num_elements() for variable in variables)


def one_cell(*edges, attention=None):
    """A genotype whose two kinds of cell are the same."""
    cell = Cell(edges, (2,), attention)
    return Genotype("darts", normal=cell, reduce=cell)


# === Parity ===


@pytest.mark.parametrize("name", RECORDS)
def test_logits_are_the_authors(golden, name, dtype):
    record = golden(RECORDS[name])
    network, x = recorded(record, name)
    tolerance = {"float64": 1e-12, "float32": 1e-5}[dtype]
    for mode in ("eval", "train"):
        outputs = network(x, training=mode == "train")
        expected = record[f"{mode}_logits"]
        assert relative(outputs["logits"], expected) < tolerance
    if "train_logits_aux" in record:
        expected = record["train_logits_aux"]
        assert relative(outputs["auxiliary"], expected) < tolerance


@pytest.mark.parametrize("dtype", ["float64"], indirect=True)
def test_gradients_are_the_authors(golden, dtype):
    record = golden(RECORDS["DARTS_V2"])
    network, x = recorded(record, "DARTS_V2")
    with tf.GradientTape() as tape:
        outputs = network(x, training=True)
        main, auxiliary = (
            tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(
                    record["y"], outputs[name]
                )
            )
            for name in ("logits", "auxiliary")
        )
        loss = main + 0.4 * auxiliary
    assert relative(loss, record["train_loss_with_aux"]) < 1e-6
    weights = network.trainable_variables
    gradients = tape.gradient(loss, weights)
    named = convert.to_authors(
        network,
        {v.path: np.array(g) for v, g in zip(weights, gradients, strict=True)},
    )
    expected = part(record, "train_grad/")
    assert len(expected) >= len(weights) - 1  # see tests/golden/README.md
    for name, array in expected.items():
        assert relative(named[name], array) < 1e-6, name


def test_gradients_in_float32_are_those_in_float64():
    keras.utils.set_random_seed(0)
    networks, found = {}, {}
    for dtype in ("float64", "float32"):
        with policy(dtype):
            networks[dtype] = tfnas.build_network(
                published("DARTS_V2"), input_shape=(8, 8, 3), **TINY
            )
    double, single = networks.values()
    single.set_weights(double.get_weights())
    (x,) = far_from_kinks(
        lambda x: double(x, training=True), (4, *double.input_shape[1:])
    )
    for dtype, network in networks.items():
        with tf.GradientTape() as tape:
            logits = network(x.astype(dtype), training=True)
            loss = tf.reduce_sum(tf.sin(logits))
        gradients = tape.gradient(loss, network.trainable_variables)
        found[dtype] = [np.array(gradient) for gradient in gradients]
    # A single tensor's gradient may be a difference of much larger numbers.
    largest = max(np.abs(gradient).max() for gradient in found["float64"])
    for ours, expected in zip(found["float32"], found["float64"], strict=True):
        assert np.abs(ours - expected).max() < 1e-4 * largest


def test_stock_layers_give_the_same_logits():
    network = tfnas.build_network(published("DARTS_V2"), **TINY)
    randomize(network)
    baseline = BaselineNetwork(**TINY)
    baseline.load_authors(convert.to_authors(network))
    x = np.random.default_rng(1).normal(size=(4, 32, 32, 3)).astype("float32")
    for training in (False, True):
        expected = baseline(x, training=training)
        assert relative(network(x, training=training), expected) < 1e-5


def randomize(network):
    """Statistics and offsets that are not what a new network starts with."""
    generator = np.random.default_rng(0)
    for variable in network.variables:
        if variable.ndim == 1 and "seed" not in variable.name:
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_those_of_the_published_cells(name):
    """`cost` meets the authors' counts at full size exactly."""
    genotype = published(name)
    size = {"channels": 4, "cells": 5, "auxiliary": True}
    network = tfnas.build_network(genotype, **size)
    counted = cost.network_cost(genotype, **size)
    assert count(network.trainable_variables) == counted.parameters


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("Att_DARTS", "cifar10_C36_L20"),
        ("FairDARTS_c", "cifar100_C36_L20"),
        ("NASNet", "imagenet_C48_L14"),
    ],
)
def test_parameters_at_full_size(name, run):
    expected = COUNTS[name]["counts"][run]
    network = tfnas.build_network(published(name), auxiliary=True, **RUNS[run])
    head = network.get_layer("auxiliary")
    whole = count(network.trainable_variables)
    assert count(head.trainable_variables) == expected["auxiliary"]
    assert whole - expected["auxiliary"] == expected["parameters"]


# === Cells ===


@pytest.mark.parametrize(
    ("edges", "same_as"),
    [
        (  # An edge from a node that nothing reaches.
            (Edge("sep_conv_3x3", 0, 4), Edge("sep_conv_5x5", 3, 4)),
            (Edge("sep_conv_3x3", 0, 4),),
        ),
        (
            (Edge("sep_conv_3x3", 0, 4), Edge("none", 1, 4)),
            (Edge("sep_conv_3x3", 0, 4),),
        ),
        (
            (Edge("dil_conv_3x3", 1, 4, "identity"),),
            (Edge("dil_conv_3x3", 1, 4),),
        ),
        (
            (Edge("dil_conv_3x3", 1, 4, "skip_connect"),),
            (Edge("dil_conv_3x3", 1, 4),),
        ),
    ],
)
@pytest.mark.parametrize("reduction", [False, True])
def test_what_contributes_nothing_changes_nothing(edges, same_as, reduction):
    cells = [
        GenotypeCell(Cell(own, (4,)), 4, reduction=reduction)
        for own in (edges, same_as)
    ]
    inputs = list(np.random.default_rng(0).normal(size=(2, 2, 7, 6, 8)))
    for cell in cells:
        cell.build([x.shape for x in inputs])
    cells[1].set_weights(cells[0].get_weights())
    outputs = [cell(inputs) for cell in cells]
    np.testing.assert_array_equal(*outputs)
    assert outputs[0].shape == cells[0].compute_output_shape(
        [x.shape for x in inputs]
    )


def test_a_node_is_the_sum_of_all_its_operations():
    """Two operations on one edge, and one of them twice."""
    one = Edge("avg_pool_3x3", 0, 2)
    inputs = [np.ones((1, 8, 8, 4), "float32")] * 2
    cells = [
        GenotypeCell(Cell(edges, (2,)), 4)
        for edges in ((one,), (Edge("skip_connect", 0, 2),), (one,) * 2)
    ]
    both = GenotypeCell(Cell((one, one, Edge("skip_connect", 0, 2)), (2,)), 4)
    both(inputs)
    for cell in cells:
        cell(inputs)
        cell.set_weights(both.get_weights())
    single, skip, twice = (np.array(cell(inputs)) for cell in cells)
    np.testing.assert_allclose(twice, 2 * single, rtol=1e-6)
    np.testing.assert_allclose(both(inputs), 2 * single + skip, rtol=1e-6)


ATTENDED = [
    one_cell(Edge("sep_conv_3x3", 0, 2, "cbam"), Edge("se", 1, 2)),
    one_cell(Edge("skip_connect", 0, 2), attention="ge_theta_plus"),
    # Att-DARTS's double mixture: the second may be an operation too.
    one_cell(Edge("dil_conv_3x3", 0, 2, "dil_conv_3x3"), Edge("bam", 0, 2)),
]


@pytest.mark.parametrize("genotype", ATTENDED)
def test_attention_may_stand_anywhere(genotype):
    size = {"channels": 16, "cells": 4, "input_shape": (12, 12, 1)}
    network = tfnas.build_network(genotype, **size)
    counted = cost.network_cost(genotype, **size)
    assert count(network.trainable_variables) == counted.parameters
    paths = [variable.path for variable in network.variables]
    assert len(set(paths)) == len(paths)
    assert network(np.ones((2, 12, 12, 1))).shape == (2, 10)


# === The model ===


def test_names():
    network = tfnas.build_network(published("NASNet"), auxiliary=True, **TINY)
    assert [x.name for x in network.inputs] == ["image"]
    assert set(network.output_names) == {"logits", "auxiliary"}
    paths = [variable.path for variable in network.variables]
    assert "cell_01/node_3/edge_1/sep_conv_7x7/depthwise_1" in paths
    assert "cell_00/preprocess_0/norm/moving_mean" in paths
    # Names do not depend on what was built before.
    again = tfnas.build_network(published("NASNet"), auxiliary=True, **TINY)
    assert [variable.path for variable in again.variables] == paths
    alone = tfnas.build_network(published("NASNet"), **TINY)
    assert alone.output_names == ["logits"]
    assert {v.path for v in alone.variables} == {
        path for path in paths if not path.startswith("auxiliary")
    }


@pytest.mark.parametrize(
    ("shape", "stem"),
    [
        ((4, 4, 1), "cifar"),
        ((29, 33, 3), "cifar"),
        ((64, 48, 3), "cifar"),
        ((32, 32, 3), "imagenet"),
        ((225, 224, 1), "imagenet"),
    ],
)
def test_any_image(shape, stem):
    network = tfnas.build_network(
        published("PDARTS"),
        input_shape=shape,
        classes=7,
        channels=4,
        cells=3,
        stem=stem,
        auxiliary=True,
        drop_path=0.3,
    )
    images = np.random.default_rng(0).normal(size=(2, *shape))
    for training in (False, True):
        outputs = network(images, training=training)
        assert {name: x.shape for name, x in outputs.items()} == {
            "logits": (2, 7),
            "auxiliary": (2, 7),
        }
        assert all(np.isfinite(x).all() for x in outputs.values())


@pytest.mark.parametrize("name", ["Att_DARTS", "FairDARTS_a"])
def test_saved_and_loaded(name, tmp_path):
    network = tfnas.build_network(
        published(name), auxiliary=True, drop_path=0.2, **TINY
    )
    randomize(network)
    x = np.random.default_rng(0).normal(size=(3, 32, 32, 3))
    expected = network(x)
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras", safe_mode=True)
    network.save_weights(tmp_path / "network.weights.h5")
    rebuilt = tfnas.build_network(
        published(name), auxiliary=True, drop_path=0.2, **TINY
    )
    rebuilt.load_weights(tmp_path / "network.weights.h5")
    for other in (loaded, rebuilt):
        assert [v.path for v in other.variables] == [
            v.path for v in network.variables
        ]
        for key, logits in other(x).items():
            np.testing.assert_array_equal(logits, expected[key])


def test_fit():
    network = tfnas.build_network(
        published("FairDARTS_a"),
        input_shape=(8, 8, 1),
        classes=2,
        auxiliary=True,
        drop_path=0.2,
        **TINY,
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
        loss={"logits": loss, "auxiliary": loss},
        loss_weights={"logits": 1, "auxiliary": 0.4},
    )
    labels = np.arange(32) % 2
    images = np.random.default_rng(0).normal(size=(32, 8, 8, 1))
    images += labels[:, None, None, None]
    labels = {"logits": labels, "auxiliary": labels}
    history = network.fit(
        images, labels, epochs=8, batch_size=8, shuffle=False, verbose=0
    )
    losses = history.history["logits_loss"]
    assert losses[-1] < 0.5 * losses[0]
    assert network.get_layer("drop_path").seed[1] == 8 * 4


# === The auxiliary classifier ===


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_the_auxiliary_head_of_a_small_map_averages_its_quarters(stem):
    stride, second_norm = {"cifar": (3, True), "imagenet": (2, False)}[stem]
    head = AuxiliaryHead(10, stride=stride, second_norm=second_norm)
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 8)).astype("float32")
    quarters = np.maximum(x, 0).reshape(2, 2, 2, 2, 2, 8).mean((2, 4))
    # A map of 2x2 is its own quarters; averages of a ReLU are not negative.
    np.testing.assert_allclose(head(x), head(quarters), atol=1e-6)


def test_the_auxiliary_head_pools_as_the_authors_where_their_pool_fits():
    x = np.random.default_rng(0).uniform(size=(2, 7, 7, 8)).astype("float32")
    pooled = np.stack(
        [
            x[:, row : row + 5, column : column + 5].mean((1, 2))
            for row in (0, 2)
            for column in (0, 2)
        ],
        1,
    ).reshape(2, 2, 2, 8)
    head = AuxiliaryHead(10, stride=2, second_norm=False)
    np.testing.assert_allclose(head(x), head(pooled), atol=1e-6)


# === Other spaces, bad input ===


def test_the_mobile_space():
    genotype = Genotype("mobile", layers=("mb_3x3_e3",) * 19)
    network = tfnas.build_network(genotype, channels=8, classes=7)
    counted = cost.network_cost(genotype, width=0.25, classes=7)
    assert count(network.trainable_variables) == counted.parameters
    assert network.output_names == ["logits"]


MOBILE = Genotype("mobile", layers=("skip",) * 19)
BENCH = Genotype("nasbench201", cell=Cell((Edge("skip_connect", 0, 3),), (3,)))


@pytest.mark.parametrize(
    ("genotype", "options", "message"),
    [
        (published("PDARTS"), {"stem": "svhn"}, "^stem=svhn: use one of cifar"),
        (published("PDARTS"), {"cells": 0}, "^cells=0: give at least 1"),
        (published("PDARTS"), {"drop_path": 1}, "^drop_path=1: give a rate"),
        (
            published("PDARTS"),
            {"input_shape": (3, 32, 3)},
            r"^input_shape=\(3, 32, 3\): .* at least 4x4",
        ),
        (
            published("PDARTS"),
            {"stem": "imagenet", "input_shape": (31, 32, 3)},
            "at least 32x32",
        ),
        (
            published("PDARTS"),
            {"stem": "imagenet", "channels": 5},
            "^channels=5: .* even",
        ),
        (MOBILE, {"auxiliary": True}, "^auxiliary=True: .* leave it out"),
        (MOBILE, {"drop_path": 0.2}, "^drop_path=0.2: .* leave it out"),
        (BENCH, {}, "^cells=20: .* multiple of 3"),
        (Genotype("darts"), {}, "^normal: missing"),
    ],
)
def test_bad_input_is_refused(genotype, options, message):
    with pytest.raises(UserError, match=message) as error:
        tfnas.build_network(genotype, **options)
    assert "\n" not in str(error.value)
