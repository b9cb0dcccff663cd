"""Losses on alpha alone: the authors' numbers, and where they push."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfnas import methods
from tfnas.regularization import beta_decay, own_loss, zero_one

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
