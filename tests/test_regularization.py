"""Losses on alpha alone: the authors' numbers, and where they push."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from tfnas import cost, methods
from tfnas.genotype import Cell, Edge, Genotype
from tfnas.networks.supernet import Supernet
from tfnas.regularization import beta_decay, over_budget, own_loss, zero_one
from tfnas.spaces.darts import PRIMITIVES, edges

KINDS = ("normal", "reduce")


def gradient(function, value):
    with tf.GradientTape() as tape:
        tape.watch(value)
        loss = function(value)
    return tape.gradient(loss, value).numpy()


# === Fair DARTS's zero-one loss ===


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_zero_one_is_the_authors(golden, norm):
    record = golden("fairdarts_search_C4_L3.npz")
    alphas = [tf.constant(record[f"alphas_{k}"], "float64") for k in KINDS]
    expected = record[f"{norm}/zero_one"]
    np.testing.assert_allclose(zero_one(alphas, norm), expected, rtol=1e-12)


def test_zero_one_is_at_rest_where_alpha_begins():
    """Fair DARTS starts at zeros: only the validation loss moves it off."""
    start = tf.zeros((14, 7))
    assert zero_one([start]) == 0
    assert not gradient(lambda alpha: zero_one([alpha]), start).any()


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_zero_one_drives_alpha_away_from_zero(norm):
    alpha = tf.constant([[-2.0, -0.1, 0.1, 2.0]])
    descent = -gradient(lambda a: zero_one([a], norm), alpha)
    np.testing.assert_array_equal(np.sign(descent), np.sign(alpha))


# === beta-DARTS ===


def test_beta_decay_of_equal_alphas_is_log_of_their_number():
    assert float(beta_decay([tf.zeros((14, 8))] * 2)) == pytest.approx(
        math.log(8)
    )


def test_beta_decay_pulls_by_the_softmax():
    alpha = tf.constant(np.random.default_rng(0).normal(size=(14, 8)))
    pull = gradient(lambda a: beta_decay([a]), alpha)
    np.testing.assert_allclose(pull, tf.nn.softmax(alpha) / 14, rtol=1e-12)


def test_the_methods_own_loss():
    alphas = [tf.constant(np.random.default_rng(0).normal(size=(14, 7)))] * 2
    fair = methods.get("fair_darts")
    assert own_loss(methods.get("darts"), alphas) == 0
    assert own_loss(fair, alphas) == 10 * zero_one(alphas)
    l1 = fair.with_flags({"zero_one_norm": "l1"})
    assert own_loss(l1, alphas) == 10 * zero_one(alphas, "l1")
    decayed = own_loss(methods.get("darts"), alphas, tf.constant(3.0))
    assert decayed == 3 * beta_decay(alphas)


# === Budget ===

OPERATIONS = ("skip_connect", "max_pool_3x3", "dil_conv_3x3", "sep_conv_5x5")


def network(ops, sources, nodes, kinds=KINDS):
    """A genotype: `ops` and `sources` have an item for each kept edge."""
    targets = [2 + i // 2 for i in range(2 * nodes)]
    cells = {
        kind: Cell(
            tuple(map(Edge, ops[kind], sources[kind], targets)),
            tuple(range(2, nodes + 2)),
        )
        for kind in kinds
    }
    return Genotype("darts", **cells)


def test_with_one_node_the_expectation_is_the_network():
    """Both of its edges stay, so nothing is left to chance."""
    ops = {
        "normal": ("sep_conv_3x3", "dil_conv_5x5"),
        "reduce": ("skip_connect", "sep_conv_5x5"),
    }
    macs, fixed = cost.expected_multiply_adds(
        {kind: [[op] for op in ops[kind]] for kind in KINDS}, nodes=1
    )
    genotype = network(ops, dict.fromkeys(KINDS, (0, 1)), nodes=1)
    expected = fixed + sum(m.sum() for m in macs.values())
    assert expected == cost.network_cost(genotype).multiply_adds


@pytest.mark.parametrize("op", OPERATIONS)
def test_the_expectation_is_the_mean_over_the_choices_of_edges(op):
    nodes, size = 2, {"channels": 8, "cells": 5, "input_shape": (9, 7, 1)}
    macs, fixed = cost.expected_multiply_adds(
        dict.fromkeys(KINDS, [[op]] * len(edges(nodes))), nodes=nodes, **size
    )
    pairs = list(itertools.combinations(range(3), 2))
    costs = [
        cost.network_cost(
            network(
                dict.fromkeys(KINDS, (op,) * 4),
                {"normal": (0, 1, *normal), "reduce": (0, 1, *reduce)},
                nodes,
            ),
            **size,
        ).multiply_adds
        for normal, reduce in itertools.product(pairs, pairs)
    ]
    expected = fixed + sum(m.sum() for m in macs.values())
    assert expected == pytest.approx(np.mean(costs), rel=1e-12)


def test_within_the_budget_there_is_no_loss():
    shares, macs = tf.fill((2, 2), 0.5), np.array([[0.0, 4.0], [0.0, 8.0]])
    for budget in (7.0, 100.0):  # 1 + 2 + 4 is expected
        assert over_budget([shares], [macs], 1.0, budget) == 0
    assert over_budget([shares], [macs], 1.0, 3.5) == 1


def test_beyond_the_budget_expensive_operations_lose():
    macs = np.array([[0.0, 4.0, 9.0]])

    def loss(alpha):
        return over_budget([tf.nn.softmax(alpha)], [macs], 1.0, 2.0)

    descent = -gradient(loss, tf.zeros((1, 3)))[0]
    assert descent[0] > 0 > descent[2]
    assert descent[0] > descent[1] > descent[2]


@pytest.mark.parametrize("relaxation", ["softmax", "sigmoid"])
def test_a_supernet_weighs_its_budget(relaxation):
    """Between all cheap and all expensive operations, in either relaxation."""
    method = methods.get("darts").with_flags(
        {"relaxation": relaxation, "budget_macs": 6.0, "budget_weight": 3.0}
    )
    supernet = Supernet(
        method,
        nodes=1,
        cells=1,
        channels=2,
        input_shape=(8, 8, 1),
        operations=OPERATIONS,
    )
    found = []
    for winner in range(len(OPERATIONS)):
        for alpha in supernet.architecture.values():
            alpha.assign(np.full(alpha.shape, -30.0))
            alpha[:, winner].assign(np.full(alpha.shape[0], 30.0))
        ops = dict.fromkeys(KINDS, (OPERATIONS[winner],) * 2)
        counted = cost.network_cost(
            network(ops, dict.fromkeys(KINDS, (0, 1)), nodes=1),
            input_shape=(8, 8, 1),
        )
        found.append(float(supernet.architecture_loss()))
        excess = counted.multiply_adds / 6e6 - 1
        assert found[-1] == pytest.approx(3 * max(0, excess), rel=1e-5)
    assert found[0] == 0 < found[-1]


def test_the_primitives_that_cost_nothing_add_nothing():
    every = dict.fromkeys(KINDS, [PRIMITIVES] * len(edges()))
    macs, _ = cost.expected_multiply_adds(every)
    free = [PRIMITIVES.index(op) for op in ("none", "max_pool_3x3")]
    assert not macs["normal"][:, free].any()
    assert (macs["normal"][:, PRIMITIVES.index("sep_conv_3x3")] > 0).all()
