"""MixUp's pairs, labels and loss against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from test_data_streams import make_dataset

from tfnas import data, train
from tfnas.bilevel.supervised import cross_entropies
from tfnas.data import mixing
from tfnas.errors import UserError


def batches(start_step=0, **flags):
    stream = data.train_stream(
        make_dataset(),
        np.arange(22),
        batch_size=5,
        epochs=2,
        seed=7,
        start_step=start_step,
        **flags,
    )
    return [(x.numpy(), y.numpy()) for x, y in stream]


def test_batches_are_those_of_before_mixed_in_pairs():
    plain, found = batches(), batches(mixup=0.4)
    assert len(plain) == len(found) == 10
    for step, ((images, labels), (mix, shares)) in enumerate(
        zip(plain, found, strict=True)
    ):
        # A label is the image's own index.
        weights, partners = mixing.draw(labels, 0.4, seed=7, epoch=step // 5)
        assert sorted(partners) == [*range(len(labels))]
        one = weights[:, None, None, None]
        expected = one * images + (1 - one) * images[partners]
        np.testing.assert_allclose(mix, expected, atol=1e-5)
        hot, one = np.eye(22)[labels], weights[:, None]
        expected = one * hot + (1 - one) * hot[partners]
        np.testing.assert_allclose(shares, expected, atol=1e-6)


def test_a_resumed_run_mixes_the_same_pairs():
    for whole, later in zip(
        batches(mixup=0.4)[3:], batches(3, mixup=0.4), strict=True
    ):
        for one, two in zip(whole, later, strict=True):
            np.testing.assert_array_equal(one, two)


def test_weights_are_of_the_beta_distribution():
    """Mean 1/2 and variance 1 / (4 (2 alpha + 1)), at alpha 0.4."""
    drawn = [
        mixing.draw(np.arange(first, first + 100), 0.4, seed=0, epoch=0)[0]
        for first in range(200)
    ]
    drawn = np.concatenate(drawn)
    assert drawn.mean() == pytest.approx(0.5, abs=0.02)
    assert drawn.var() == pytest.approx(1 / 4 / 1.8, abs=0.01)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_of_a_mixture_is_the_mixture_of_the_losses(smoothing):
    generator = np.random.default_rng(0)
    logits = tf.constant(generator.normal(size=(6, 5)))
    one, two = generator.integers(0, 5, (2, 6))
    weight = generator.random(6)
    shares = weight[:, None] * np.eye(5)[one]
    shares += (1 - weight)[:, None] * np.eye(5)[two]
    expected = weight * cross_entropies(one, logits, smoothing)
    expected += (1 - weight) * cross_entropies(two, logits, smoothing)
    found = cross_entropies(tf.constant(shares), logits, smoothing)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_weights_of_classes_are_refused():
    given = {"genotype": "DARTS_V2", "mixup": 0.2, "class_weights": "balanced"}
    with pytest.raises(UserError, match="--class_weights=balanced: --mixup="):
        train.resolve(given)
