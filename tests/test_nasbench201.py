"""NAS-Bench-201's space: its counts, its strings, its search, its networks."""

import csv
import itertools
import math
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfnas
from tfnas import cost, methods
from tfnas.bilevel.search import BilevelSearch, architecture_gradients
from tfnas.derivation import each_edge
from tfnas.errors import UserError
from tfnas.genotype import Cell, Edge, Genotype
from tfnas.layers.operations import DenseConvolution
from tfnas.networks.nasbench201.cells import ResidualBlock
from tfnas.networks.nasbench201.evaluation import build_bench_network
from tfnas.networks.nasbench201.supernet import BenchSupernet
from tfnas.spaces import nasbench201

SHARED = Path(__file__).parents[2] / "shared"
TABLE = SHARED / "data" / "nasbench201.csv"
CONVOLUTIONS = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)
SKIPS = CONVOLUTIONS.replace("nor_conv_3x3", "skip_connect")
# Best on CIFAR-100, of 1,288,506 parameters.
BEST = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)
MIXED = (
    "|skip_connect~0|+|none~0|nor_conv_1x1~1|"
    "+|avg_pool_3x3~0|nor_conv_3x3~1|skip_connect~2|"
)


def method(name="darts", **flags):
    return methods.get(name).with_flags({"space": "nasbench201", **flags})


def small(name="darts", **arguments):
    size = {"input_shape": (8, 8, 3), "channels": 4, "cells": 3}
    return BenchSupernet(method(name), **{**size, **arguments})


def parameters(variables):
    return sum(math.prod(v.shape) for v in variables)


def batch(count=4, size=8, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(count, size, size, 3)).astype("f")
    return images, rng.integers(0, 10, count)


# === Counts, against the authors' ===


@pytest.mark.parametrize(
    ("text", "count"),
    [(CONVOLUTIONS, 1_531_546), (SKIPS, 73_306), (BEST, 1_288_506)],
    ids=["3x3 convolutions", "skips", "best"],
)
def test_a_network_has_the_published_number_of_parameters(text, count):
    genotype = nasbench201.from_string(text)
    assert cost.network_cost(genotype).parameters == count
    network = tfnas.build_network(genotype, channels=16, cells=15)
    assert parameters(network.trainable_variables) == count


def test_the_supernet_has_the_published_number_of_weights():
    supernet = BenchSupernet(method())
    assert parameters(supernet.weight_variables) == 1_692_826
    assert supernet.cost().parameters == 1_692_826
    assert supernet.architecture["alphas_cell"].shape == (6, 5)


@pytest.mark.parametrize("size", [4, 9, 17])
def test_cost_is_that_of_the_network_as_built(size):
    genotype = nasbench201.from_string(MIXED)
    shape = {"input_shape": (size, size + 2, 1), "classes": 7}
    of = {"channels": 6, "cells": 6, **shape}
    network = tfnas.build_network(genotype, **of)
    counted = cost.built_cost(genotype, **of)
    assert parameters(network.trainable_variables) == counted.parameters
    assert network(np.zeros((2, size, size + 2, 1), "f")).shape == (2, 7)


# === Strings ===


def test_every_cell_of_the_space_has_a_string_and_back():
    count = 0
    for names in itertools.product(nasbench201.PRIMITIVES, repeat=6):
        edges = [
            Edge(name, *place)
            for name, place in zip(names, nasbench201.edges(), strict=True)
        ]
        genotype = Genotype("nasbench201", cell=Cell(tuple(edges), (3,)))
        text = nasbench201.to_string(genotype)
        if count % 97 == 0:
            assert nasbench201.from_string(text) == genotype
        count += 1
    assert count == 15_625


def test_the_strings_are_those_of_the_published_table():
    if not TABLE.is_file():
        pytest.skip("the published table is not here")
    with open(TABLE, newline="") as file:
        published = [row["arch"] for row in csv.DictReader(file)]
    assert len(set(published)) == 15_625
    for text in published[::61]:
        assert nasbench201.to_string(nasbench201.from_string(text)) == text


def test_a_missing_edge_is_none_and_the_order_of_edges_does_not_matter():
    edges = (Edge("skip_connect", 1, 3), Edge("nor_conv_1x1", 0, 1))
    genotype = Genotype("nasbench201", cell=Cell(edges, (3,)))
    assert nasbench201.to_string(genotype) == (
        "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        SKIPS[:-1],
        SKIPS + "|",
        SKIPS.replace("~2", "~1"),
        SKIPS.replace("skip_connect~2", "skip~2"),
        SKIPS.replace("+", ""),
        "|none~0|",
    ],
)
def test_another_text_is_refused(text):
    with pytest.raises(UserError):
        nasbench201.from_string(text)


def test_what_the_benchmark_does_not_know_is_refused():
    twice = (Edge("skip_connect", 0, 3), Edge("nor_conv_1x1", 0, 3))
    with pytest.raises(UserError, match="two operations on the edge from 0"):
        nasbench201.to_string(Genotype("nasbench201", cell=Cell(twice, (3,))))
    chain = Genotype("mobile", layers=("skip",) * 19)
    with pytest.raises(UserError, match="^space=mobile: the benchmark"):
        nasbench201.to_string(chain)


# === Layers, against sums written out ===


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2)])
@pytest.mark.parametrize("edges", [1, 3])
def test_convolutions_of_several_edges_are_so_many_single_ones(
    kernel, stride, edges
):
    layer = DenseConvolution(
        4, kernel, stride=stride, edges=edges, affine=False
    )
    x = tf.constant(batch(size=7)[0])
    together = layer(x)
    norm = keras.layers.BatchNormalization(epsilon=1e-5)
    for edge in range(edges):
        of = slice(4 * edge, 4 * edge + 4)
        alone = keras.layers.Conv2D(4, kernel, stride, "valid")
        padded = tf.pad(
            tf.nn.relu(x), [[0, 0], *[[kernel // 2] * 2] * 2, [0, 0]]
        )
        alone.build(padded.shape)
        alone.set_weights(
            [layer.dense.numpy()[..., of], layer.bias[of].numpy()]
        )
        np.testing.assert_allclose(
            together[..., of], norm(alone(padded)), atol=1e-5
        )


def test_a_residual_block_is_its_two_paths_added():
    block = ResidualBlock(6)
    x = tf.constant(batch()[0])
    full = block(x)
    assert full.shape == (4, 4, 4, 6)
    block.second.norm.gamma.assign(tf.zeros(6))
    pooled = x.numpy().reshape(4, 4, 2, 4, 2, 3).mean((2, 4))
    shortcut = pooled @ block.shortcut.numpy()[0, 0]
    np.testing.assert_allclose(block(x), shortcut, atol=1e-6)
    assert np.abs(full - shortcut).max() > 1e-3


def test_the_supernet_at_a_corner_is_the_network_of_its_genotype():
    """With all weight on one operation an edge, both compute the same."""
    genotype = nasbench201.from_string(MIXED)
    supernet = small()
    alphas = np.full((6, 5), -40.0)
    for row, edge in enumerate(genotype.cell.edges):
        alphas[row, nasbench201.PRIMITIVES.index(edge.op)] = 40.0
    supernet.architecture["alphas_cell"].assign(alphas)
    assert supernet.derive() == genotype
    network = build_bench_network(
        genotype, input_shape=(8, 8, 3), channels=4, cells=3
    )
    copy_weights(supernet, network)
    images = batch()[0]
    np.testing.assert_allclose(
        network(images), supernet(images), atol=2e-5, rtol=1e-4
    )


def copy_weights(supernet, network):
    """Give a network the weights that its supernet has for it."""
    for layer in supernet.stages:
        mine = network.get_layer(layer.name)
        if not layer.name.startswith("cell"):
            mine.set_weights(layer.get_weights())
            continue
        for edge, own in mine.edges:
            if "conv" not in edge.op:
                continue
            outgoing = layer.outgoing[edge.source]
            wide = outgoing.mixed.candidates[edge.op]
            place = edge.to - edge.source - 1
            of = slice(place * mine.channels, (place + 1) * mine.channels)
            own.operation.dense.assign(wide.dense[..., of])
            # The network's convolution has no bias: its norm takes it on.
            own.operation.norm.moving_mean.assign(
                wide.norm.moving_mean[of] - wide.bias[of]
            )
            own.operation.norm.moving_variance.assign(
                wide.norm.moving_variance[of]
            )
    network.get_layer("last_norm").set_weights(supernet.norm.get_weights())
    network.get_layer("logits").set_weights(supernet.classifier.get_weights())


# === Search ===

MANY = ["darts", "fair_darts", "pdarts", "pc_darts"]


@pytest.mark.parametrize(
    "whole", [False, pytest.param(True, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", MANY)
def test_every_method_that_its_maths_allows_takes_steps(name, whole):
    supernet = small(name, cells=method(name).cells[0] if whole else 3)
    search = BilevelSearch(supernet)
    before = supernet.architecture["alphas_cell"].numpy()
    stream = tf.data.Dataset.from_tensors((batch(), batch(seed=1))).repeat(2)
    search.fit(stream, steps_per_epoch=2, shuffle=False, verbose=0)
    assert np.abs(supernet.architecture["alphas_cell"] - before).min() > 0
    assert len(supernet.derive().cell.edges) == 6


@pytest.mark.parametrize("order", [1, 2])
def test_gradients_in_alpha_are_those_of_finite_differences(order):
    # Of some starts a kink lies within the difference.
    keras.utils.set_random_seed(0)
    supernet = small(dtype="float64")
    train, valid = batch(seed=1), batch(seed=2)
    options = {"order": order, "second_order": "exact", "weight_decay": 0.0}
    options |= {"learning_rate": 0.01}
    alpha = supernet.architecture["alphas_cell"]
    gradient = architecture_gradients(supernet, train, valid, **options)
    start = alpha.numpy()

    def loss(values):
        alpha.assign(values)
        return unrolled_loss(supernet, train, valid, order, 0.01)

    for place in [(0, 3), (4, 1)]:
        step = np.zeros((6, 5))
        step[place] = 1e-5
        slope = (loss(start + step) - loss(start - step)) / 2e-5
        np.testing.assert_allclose(
            gradient["alphas_cell"][place], slope, rtol=1e-4, atol=1e-8
        )


def unrolled_loss(supernet, train, valid, order, rate):
    """Validation loss, after one step of plain SGD for order 2."""
    weights = supernet.weight_variables
    kept = [w.numpy() for w in supernet.variables]

    def loss(images, labels):
        logits = supernet(images, training=True)
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        )

    if order == 2:
        with tf.GradientTape() as tape:
            value = loss(*train)
        for w, g in zip(
            weights,
            tape.gradient(value, [w.value for w in weights]),
            strict=True,
        ):
            w.assign_sub(rate * g)
    result = float(loss(*valid))
    for variable, value in zip(supernet.variables, kept, strict=True):
        variable.assign(value)
    return result


def test_the_rule_keeps_the_strongest_and_of_equal_ones_the_first():
    weights = np.full((6, 5), 0.2)
    weights[2, 4] = 0.3
    cell = each_edge(weights, [nasbench201.PRIMITIVES] * 6)
    assert [e.op for e in cell.edges] == [
        *["none"] * 2,
        "avg_pool_3x3",
        *["none"] * 3,
    ]
    assert [(e.source, e.to) for e in cell.edges] == list(nasbench201.edges())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("darts", {"operations": nasbench201.PRIMITIVES, "cells": (15,)}),
        ("fair_darts", {"operations": nasbench201.PRIMITIVES[1:]}),
        ("pdarts", {"cells": (9, 12, 15), "operations_kept": (3, 2)}),
        ("pc_darts", {"partial_channels": 4, "edge_normalization": True}),
    ],
)
def test_a_method_keeps_its_own_values_but_for_those_of_the_space(
    name, expected
):
    values = method(name).values()
    assert expected.items() <= values.items()
    assert values["derivation"] == "strongest"
    assert (
        values["alpha_learning_rate"] == methods.get(name).alpha_learning_rate
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cells": 20}, "^cells=20: .* multiple of 3"),
        ({"input_shape": (3, 3, 3), "cells": 3}, "^input_shape=.*4x4"),
        ({"auxiliary": True, "cells": 3}, "^auxiliary=True: networks of space"),
        ({"drop_path": 0.2, "cells": 3}, "^drop_path=0.2: networks of space"),
        ({"stem": "imagenet", "cells": 3}, "^stem=imagenet: networks of space"),
    ],
)
def test_a_network_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        tfnas.build_network(nasbench201.from_string(MIXED), **arguments)


def test_models_survive_saving(tmp_path):
    images = batch()[0]
    network = build_bench_network(
        nasbench201.from_string(MIXED),
        input_shape=(8, 8, 3),
        channels=4,
        cells=3,
    )
    for model in (small("pdarts"), network):
        path = os.path.join(tmp_path, "model.keras")
        model.save(path)
        loaded = keras.models.load_model(path, safe_mode=True)
        np.testing.assert_array_equal(loaded(images), model(images))
