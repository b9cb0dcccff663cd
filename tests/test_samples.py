"""Sampled relaxations against NumPy, SciPy and what theory says of them."""

import numpy as np
import pytest
import tensorflow as tf
from parity import untraced
from scipy import special, stats

from tfnas import methods
from tfnas.bilevel.hypergradient import Hypergradient, Unroll
from tfnas.bilevel.search import BilevelSearch
from tfnas.networks import build_supernet, proxy
from tfnas.regularization import dirichlet_divergence, own_loss
from tfnas.relaxation import SAMPLES, dirichlet, gumbel, gumbel_hard

SEED = (3, 5)
TAU = 0.7
TEMPERED = [gumbel, gumbel_hard]


def random(*shape, scale=1.0):
    values = np.random.default_rng(sum(shape)).normal(size=shape)
    return tf.constant(scale * values)


def sampled(function, alpha, seed=SEED, tau=TAU):
    return function(alpha, seed, *[tau] * (function in TEMPERED))


def pulled(function, alpha, pull):
    """The gradient of sum(pull * sample) in alpha."""
    with tf.GradientTape() as tape:
        tape.watch(alpha)
        loss = tf.reduce_sum(pull * sampled(function, alpha))
    return tape.gradient(loss, alpha).numpy()


# === The Gumbel-softmax, given its uniform noise ===


def reference_gumbel(alpha, uniform):
    """(weights, their derivative in alpha), row by row by loops."""
    weights = np.zeros(alpha.shape)
    slopes = np.zeros((*alpha.shape, alpha.shape[1]))
    for row in range(len(alpha)):
        scores = [
            (a - np.log(-np.log(u))) / TAU
            for a, u in zip(alpha[row], uniform[row], strict=True)
        ]
        powers = [np.exp(score - max(scores)) for score in scores]
        weights[row] = [power / sum(powers) for power in powers]
        for i, w in enumerate(weights[row]):
            for j, v in enumerate(weights[row]):
                slopes[row, i, j] = w * ((i == j) - v) / TAU
    return weights, slopes


@pytest.fixture(scope="module")
def gumbels():
    """Alpha, a direction, and the reference for the noise of the seed."""
    alpha, pull = random(14, 8), random(8, 14)
    uniform = tf.random.stateless_uniform(alpha.shape, SEED, dtype="float64")
    reference = reference_gumbel(alpha.numpy(), uniform.numpy())
    return alpha, tf.transpose(pull), *reference


def test_a_gumbel_softmax_is_numpy_s(gumbels):
    alpha, _, weights, _ = gumbels
    np.testing.assert_allclose(sampled(gumbel, alpha), weights, rtol=1e-10)


@pytest.mark.parametrize("function", TEMPERED)
def test_the_gradient_is_that_of_the_soft_weights(function, gumbels):
    """Also straight through one operation, as GDAS has it."""
    alpha, pull, _, slopes = gumbels
    expected = np.einsum("eo,eop->ep", pull.numpy(), slopes)
    found = pulled(function, alpha, pull)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_straight_through_takes_the_largest_of_the_soft_weights(gumbels):
    alpha, _, weights, _ = gumbels
    for dtype in ("float64", "float32"):
        hard = sampled(gumbel_hard, tf.cast(alpha, dtype)).numpy()
        assert {*np.unique(hard)} == {0.0, 1.0}
        np.testing.assert_array_equal(hard.sum(1), 1)
    hard = sampled(gumbel_hard, alpha).numpy()
    np.testing.assert_array_equal(hard.argmax(1), weights.argmax(1))


def test_the_operations_are_drawn_by_the_softmax():
    alpha = tf.constant([[0.0, 1.0, -1.0]], "float64")
    rows = tf.repeat(alpha, 20_000, axis=0)
    shares = sampled(gumbel_hard, rows, tau=10.0).numpy().mean(0)
    expected = special.softmax(alpha.numpy()[0])
    deviation = np.sqrt(expected * (1 - expected) / len(rows))
    assert (np.abs(shares - expected) < 4 * deviation).all()


def test_a_low_temperature_leaves_one_operation():
    rows = tf.zeros((100, 5), "float64")
    largest = [
        sampled(gumbel, rows, tau=tau).numpy().max(1).mean()
        for tau in (10.0, 1.0, 0.01)
    ]
    assert largest[0] < 0.3 < largest[1] < 0.98 < largest[2]


# === The Dirichlet distribution ===


def beta_of(alpha):
    """DrNAS's concentrations and their derivative in alpha."""
    slope = np.exp(np.minimum(alpha, 0))
    return np.where(alpha > 0, alpha + 1, slope), slope


def test_a_dirichlet_sample_and_its_gradient_are_scipy_s():
    """A gamma variate moves with its concentration at a fixed quantile.

    SciPy's inverse distribution function gives that by differences.
    """
    alpha, pull = random(14, 7), random(14, 7, scale=2)
    beta, slope = beta_of(alpha.numpy())
    variates = tf.random.stateless_gamma(
        alpha.shape, SEED, beta, dtype="float64"
    ).numpy()
    total = variates.sum(1, keepdims=True)
    np.testing.assert_allclose(
        sampled(dirichlet, alpha), variates / total, rtol=1e-10
    )
    quantile, step = special.gammainc(beta, variates), 1e-5
    moved = [
        special.gammaincinv(beta + sign * step, quantile) for sign in (1, -1)
    ]
    of_variate = (moved[0] - moved[1]) / (2 * step)
    along = (pull * variates).numpy().sum(1, keepdims=True) / total**2
    expected = (pull.numpy() / total - along) * of_variate * slope
    found = pulled(dirichlet, alpha, pull)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.fixture(scope="module")
def many():
    """Draws of one row, and the summed gradient of each component."""
    alpha = np.array([0.8, 0.0, -1.5])
    rows = tf.constant(np.repeat(alpha[None], 40_000, 0))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(rows)
        draws = sampled(dirichlet, rows)
        columns = tf.unstack(draws, axis=1)
    slopes = [tape.gradient(column, rows).numpy() for column in columns]
    return alpha, draws.numpy(), np.stack(slopes, 1)


def close(draws, expected):
    """Whether a mean over draws is within 4.5 of its deviations."""
    error = draws.std(0) / np.sqrt(len(draws))
    return (np.abs(draws.mean(0) - expected) < 4.5 * error + 1e-12).all()


def test_dirichlet_samples_have_its_mean_and_variance(many):
    alpha, draws, _ = many
    theory = stats.dirichlet(beta_of(alpha)[0])
    np.testing.assert_allclose(draws.sum(1), 1, rtol=1e-12)
    assert close(draws, theory.mean())
    assert close((draws - theory.mean()) ** 2, theory.var())


def test_the_pathwise_gradient_is_that_of_the_mean(many):
    """d(beta_i / B) / d alpha_j = (delta_ij B - beta_i) / B^2 beta_j'."""
    alpha, _, slopes = many
    (beta, slope), total = beta_of(alpha), beta_of(alpha)[0].sum()
    expected = (np.eye(3) * total - beta[:, None]) / total**2 * slope
    assert close(slopes, expected)


def test_the_divergence_is_scipy_s():
    """KL(q || Dir(1)) is minus q's entropy, minus log Gamma(K)."""
    alphas = [random(14, 7), random(5, 7)]
    expected = sum(
        -stats.dirichlet(beta_of(row)[0]).entropy() - special.gammaln(7)
        for alpha in alphas
        for row in alpha.numpy()
    )
    found = dirichlet_divergence(alphas)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert abs(float(dirichlet_divergence([tf.zeros((14, 7))]))) < 1e-4
    method = methods.get("drnas").with_preset("kl")
    np.testing.assert_allclose(own_loss(method, alphas), 1e-3 * found)


def test_the_divergence_pulls_as_its_formula_and_its_differences():
    alpha = random(14, 7)
    with tf.GradientTape() as tape:
        tape.watch(alpha)
        loss = dirichlet_divergence([alpha])
    found = tape.gradient(loss, alpha).numpy()
    beta, slope = beta_of(alpha.numpy())
    total = beta.sum(1, keepdims=True)
    trigamma = special.polygamma(1, [beta, np.broadcast_to(total, beta.shape)])
    expected = ((beta - 1) * trigamma[0] - (total - 7) * trigamma[1]) * slope
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    step = 1e-5 * random(7, 14).numpy().T
    sides = [float(dirichlet_divergence([alpha + s * step])) for s in (1, -1)]
    assert (sides[0] - sides[1]) / 2 == pytest.approx(
        (found * step).sum(), rel=1e-6
    )


# === In a search ===

SPACES = {
    "darts": {"nodes": 1, "operations": ["skip_connect", "avg_pool_3x3"]},
    "attention": {
        "nodes": 1,
        "operations": ["skip_connect", "avg_pool_3x3", "se"],
        "attention": "mixed_with_operation",
    },
    "nasbench201": {"operations": ["skip_connect", "avg_pool_3x3"]},
    "mobile": {"operations": None},
}
SIZES = {
    "darts": {"channels": 2, "cells": 3},
    "nasbench201": {"channels": 2, "cells": 3},
    "mobile": {"channels": 2},
}
ALL = pytest.mark.parametrize("relaxation", SAMPLES)
EVERY_DAY = {
    "gumbel": ("darts",),
    "gumbel_hard": ("darts", "nasbench201"),
    "dirichlet": ("darts", "attention"),
}


def supernet(relaxation, place="darts"):
    """A tiny float64 net of a space with unequal alphas."""
    tf.keras.utils.set_random_seed(0)
    space = "darts" if place == "attention" else place
    flags = {"space": space, "relaxation": relaxation, "temperature": TAU}
    flags |= {"temperature_min": TAU, "alpha_deviation": 1.0}
    more = dict(SPACES[place])
    flags |= {k: more.pop(k) for k in ("attention", "nodes") if k in more}
    return build_supernet(
        methods.get("darts").with_flags(flags),
        input_shape=(6, 6, 1),
        classes=3,
        dtype="float64",
        **SIZES[space],
        **more,
    )


def images(count=4):
    return tf.random.stateless_normal((count, 6, 6, 1), (0, 1), dtype="float64")


@pytest.mark.parametrize(
    ("relaxation", "place"),
    [
        pytest.param(name, place, marks=[pytest.mark.slow] * (place not in few))
        for name, few in EVERY_DAY.items()
        for place in SPACES
    ],
)
def test_only_training_with_a_seed_samples(relaxation, place):
    net, x = supernet(relaxation, place), images()
    still = proxy.still_logits(net, x).numpy()
    first, again, *others = (
        proxy.still_logits(net, x, seed=seed).numpy()
        for seed in (SEED, SEED, (3, 6), (3, 7), (4, 5))
    )
    np.testing.assert_array_equal(first, again)
    assert any(np.abs(first - other).max() > 1e-6 for other in others)
    assert np.abs(first - still).max() > 1e-6
    np.testing.assert_array_equal(net(x), net(x, seed=SEED))


def batches(net):
    labels = tf.constant([0, 1, 2, 1])
    return [(images(), labels), (images() ** 2, labels)]


@pytest.mark.parametrize("relaxation", ["gumbel", "dirichlet"])
def test_each_kind_of_cell_and_each_half_of_a_step_has_its_own_draw(relaxation):
    net = supernet(relaxation)
    for alpha in net.architecture.values():
        alpha.assign(tf.zeros_like(alpha))
    search = BilevelSearch(net)
    halves = [net.relaxed(search._seed(phase)) for phase in (0, 1)]
    draws = [own[kind]["alphas"].numpy() for own in halves for kind in own]
    for i, one in enumerate(draws):
        for other in draws[:i]:
            assert np.abs(one - other).max() > 1e-3


@ALL
def test_second_order_has_one_draw_in_all_its_passes(relaxation):
    """The virtual step, both differences and the validation pass.

    With the draw given as a constant in alpha's place the passes are the
    same, so no other one has a draw of its own.
    """
    net = untraced(supernet(relaxation))
    seen, call = [], net.relaxed
    net.relaxed = lambda seed, radius=None: (
        seen.append(call(seed, radius)) or seen[-1]
    )
    step = Hypergradient(net, SEED)
    train, valid = batches(net)
    buffers = [tf.zeros_like(v) for v in net.weight_variables]
    unroll = Unroll()
    gradients = step.second_order(train, valid, buffers, unroll)[0]
    assert all(np.isfinite(g).all() for g in gradients)
    assert len(seen) == 4
    for weights in seen[1:]:
        for kind, own in weights.items():
            np.testing.assert_array_equal(
                own["alphas"], seen[0][kind]["alphas"]
            )
