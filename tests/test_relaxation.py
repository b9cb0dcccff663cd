"""Relaxations against NumPy's and against what they promise."""

import numpy as np
import pytest
import tensorflow as tf

from tfnas import derivation
from tfnas.relaxation import RELAXATIONS, edge_softmax, perturbed
from tfnas.spaces.darts import edges

RADIUS = 0.2


def random(*shape, scale=1.0):
    values = np.random.default_rng(sum(shape)).normal(size=shape)
    return tf.constant(scale * values)


@pytest.mark.parametrize("name", RELAXATIONS)
def test_what_is_trained_is_what_is_derived(name):
    alpha = random(14, 8, scale=3)
    np.testing.assert_allclose(
        RELAXATIONS[name](alpha),
        derivation.mixing_weights(name, alpha),
        rtol=1e-12,
    )


# === Edge normalisation ===


@pytest.mark.parametrize("nodes", [1, 2, 4])
def test_the_edges_into_a_node_share_one(nodes):
    beta = random(len(edges(nodes)))
    shares = edge_softmax(beta, nodes).numpy()
    for node in range(2, nodes + 2):
        into = [to == node for _, to in edges(nodes)]
        np.testing.assert_allclose(shares[into].sum(), 1)
        powers = np.exp(beta.numpy()[into])
        np.testing.assert_allclose(shares[into], powers / powers.sum())


# === Perturbation ===


@pytest.fixture(params=RELAXATIONS)
def weights(request):
    return RELAXATIONS[request.param](random(14, 8))


def test_a_perturbation_stays_within_its_radius(weights):
    """Up to one factor a row, which gives the row its former sum back.

    With moved = factor * (weight + noise), |noise| <= radius: each entry
    leaves an interval of possible factors, and they have one in common.
    """
    moved = perturbed(weights, RADIUS, seed=[0, 1]).numpy()
    w = weights.numpy()
    least = (moved / (w + RADIUS)).max(axis=1)
    with np.errstate(divide="ignore"):
        largest = np.where(w > RADIUS, moved / (w - RADIUS), np.inf)
    assert (least <= largest.min(axis=1) + 1e-12).all()
    assert (moved >= 0).all()
    assert np.abs(moved - w).max() > RADIUS / 10


def test_a_perturbation_keeps_the_sum_of_each_row(weights):
    moved = perturbed(weights, RADIUS, seed=[0, 1])
    np.testing.assert_allclose(
        tf.reduce_sum(moved, 1), tf.reduce_sum(weights, 1), rtol=1e-12
    )


def test_a_radius_of_zero_changes_nothing(weights):
    moved = perturbed(weights, 0.0, seed=[0, 1])
    np.testing.assert_allclose(moved, weights, rtol=1e-12)


def test_the_seed_decides_the_perturbation(weights):
    first, same, other = (
        perturbed(weights, RADIUS, seed).numpy()
        for seed in ([3, 1], [3, 1], [3, 2])
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).all(axis=1).any()
