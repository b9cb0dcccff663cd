"""The pieces of a short training, alone against NumPy and together."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from running import final_state

import tfnas
from tfnas import data
from tfnas.bilevel import supervised
from tfnas.data.views import averaged, views
from tfnas.errors import UserError
from tfnas.genotype import Cell, Edge, Genotype
from tfnas.networks.whitening import frozen_first, whiten
from tfnas.runs.callbacks import EachTrainingEpoch
from tfnas.runs.reading import read_run
from tfnas.train import resolve
from tfnas.train.recipe import Recipe

EDGES = (Edge("sep_conv_3x3", 0, 2), Edge("max_pool_3x3", 1, 2))
GENOTYPE = Genotype("darts", normal=Cell(EDGES, (2,)), reduce=Cell(EDGES, (2,)))
SIZE = {"classes": 10, "channels": 2, "cells": 3}


def training_of(side, **values):
    """A network for images of a size, and its training; weights by a seed."""
    keras.utils.set_random_seed(0)
    network = tfnas.build_network(GENOTYPE, input_shape=(side, side, 1), **SIZE)
    return supervised.SupervisedTraining(network, Recipe(auxiliary=0, **values))


def batch(count, side, seed=0):
    generator = np.random.default_rng(seed)
    images = generator.normal(size=(count, side, side, 1)).astype("float32")
    return images, generator.integers(0, 10, count)


# === Sizes ===


@pytest.mark.parametrize("size", [(16, 16), (24, 20), (7, 5)])
def test_images_shrink_as_pillow_shrinks_them(size):
    images, _ = batch(2, 32)
    found = supervised.resized(tf.constant(images), size).numpy()
    for image, small in zip(images, found, strict=True):
        expected = Image.fromarray(image[..., 0]).resize(
            size[::-1], Image.Resampling.BILINEAR
        )
        np.testing.assert_allclose(small[..., 0], expected, atol=1e-5)


def test_a_step_on_small_images_is_that_of_a_network_for_them():
    images, labels = batch(4, 8)
    training, other = training_of(8), training_of(5)
    small = supervised.resized(tf.constant(images), (5, 5))
    training.train_on((5, 5))
    training.train_step((tf.constant(images), labels))
    other.train_step((small, labels))
    training.train_on(None)
    training.train_step((tf.constant(images), labels))
    whole = training_of(8)
    whole.network.set_weights(other.network.get_weights())
    for one, two in zip(
        whole.optimizer.variables, other.optimizer.variables, strict=True
    ):
        one.assign(two)
    whole.train_step((tf.constant(images), labels))
    for one, two in zip(
        training.network.get_weights(),
        whole.network.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)


# === The first layer ===


def test_whitened_patches_have_the_identity_as_their_mean_product():
    """With the convolution itself, on images whose pixels hang together."""
    images = np.concatenate([batch(200, 9, seed)[0] for seed in (0, 1)], -1)
    images += np.roll(images, 1, 2)
    keras.utils.set_random_seed(0)
    network = tfnas.build_network(
        GENOTYPE, input_shape=(9, 9, 2), **{**SIZE, "channels": 14}
    )
    before = network.get_layer("stem").convolution.numpy()
    whiten(frozen_first(network), [images])
    kernel = network.get_layer("stem").convolution
    assert kernel.path == "stem/convolution"
    assert kernel.shape == (3, 3, 2, 42)
    found = tf.nn.conv2d(images, kernel, 1, "VALID").numpy().reshape(-1, 42)
    one, other, rest = found[:, :36:2], found[:, 1:36:2], found[:, 36:]
    product = one.T @ one / len(one)
    np.testing.assert_allclose(product, np.eye(18), atol=0.02)
    np.testing.assert_array_equal(one, -other)
    np.testing.assert_array_equal(kernel[..., 36:], before[..., 36:])
    assert rest.shape[1] == 6
    # The strongest pattern has the smallest factor.
    squares = (kernel.numpy()[..., :36:2] ** 2).sum((0, 1, 2))
    assert (np.diff(squares) >= 0).all()


def test_a_whitening_layer_stays_as_it_is():
    images, labels = batch(8, 8)
    network = tfnas.build_network(GENOTYPE, input_shape=(8, 8, 1), **SIZE)
    paths = [variable.path for variable in network.variables]
    whiten(frozen_first(network), [images])
    assert [variable.path for variable in network.variables] == paths
    before = {v.path: v.numpy() for v in network.variables}
    training = supervised.SupervisedTraining(network, Recipe(auxiliary=0))
    training.train_step((images, labels))
    stayed = {
        v.path
        for v in network.variables
        if np.array_equal(v.numpy(), before[v.path])
    }
    assert stayed == {"stem/convolution"}


def test_weights_bring_their_own_first_layer():
    given = {"genotype": "PDARTS", "weights": "somewhere"}
    assert not resolve({**given, "preset": "fast"})[1].whitening
    with pytest.raises(UserError, match="--whitening=true: --weights has a"):
        resolve({**given, "whitening": True})


# === Batch norms' biases ===


def test_biases_have_a_higher_rate_and_the_same_decay():
    """Two groups of SGD, as in the source: rate times 8, L2 over 8."""
    values = {"learning_rate": 0.1, "gradient_clip": 100.0}
    training = training_of(8, norm_bias_rate=8.0, **values)
    network = training_of(8, **values).network
    weights = [v.value for v in network.trainable_variables]
    buffers = [0.0 for _ in weights]
    for seed in range(2):
        images, labels = batch(4, 8, seed)
        training.train_step((images, labels))
        with tf.GradientTape() as tape:
            logits = network(images, training=True)
            loss = tf.reduce_mean(supervised.cross_entropies(labels, logits))
        gradients = tape.gradient(loss, weights)
        for index, variable in enumerate(network.trainable_variables):
            factor = 8.0 if variable.name == "beta" else 1.0
            decay = 3e-4 / factor * weights[index]
            buffers[index] = 0.9 * buffers[index] + gradients[index] + decay
            weights[index].assign_sub(0.1 * factor * buffers[index])
    names = {v.name for v in network.trainable_variables}
    assert {"beta", "gamma"} < names
    for one, two in zip(
        training.network.trainable_variables, weights, strict=True
    ):
        np.testing.assert_allclose(one, two, rtol=2e-3, atol=2e-5)


# === Views ===


@pytest.mark.parametrize("mirror", [True, False])
@pytest.mark.parametrize("count", [1, 2, 6])
def test_views_are_those_of_the_source(count, mirror):
    images, _ = batch(3, 6)

    def both(x):
        return 0.5 * classify(x) + 0.5 * classify(x[:, :, ::-1])

    def classify(x):
        # Not linear in place, so that each view has other logits.
        return np.einsum("nhwc,hwk->nk", np.asarray(x) ** 3, kernel)

    kernel = np.random.default_rng(1).normal(size=(6, 6, 4))
    each = both if count > 1 and mirror else classify
    expected = each(images)
    if count == 6:
        around = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)], "reflect")
        moved = [around[:, :6, :6], around[:, 2:, 2:]]
        expected = 0.5 * expected + 0.5 * np.mean([*map(each, moved)], 0)
    plain, mean = averaged(classify, tf.constant(images), count, mirror)
    np.testing.assert_allclose(plain, classify(images))
    np.testing.assert_allclose(mean, expected, rtol=1e-6)
    weights = [w for w, _ in views(tf.constant(images), count, mirror)]
    assert sum(weights) == 1


def test_digits_have_no_mirrored_view(tmp_path):
    with pytest.raises(UserError, match="--test_views=2: a mirrored image of"):
        tfnas.run_training(
            GENOTYPE, out=str(tmp_path / "run"), test_views=2, channels=2
        )
    assert not (tmp_path / "run").exists()


# === Together ===


@pytest.fixture(scope="module")
def images():
    """Few images, which keep their class when mirrored."""
    digits = data.load("digits")
    train, test = digits.train.take(range(72)), digits.test.take(range(60))
    pair = (train.images, train.labels), (test.images, test.labels)
    return {"data": pair[0], "test": pair[1]}


def train(out, images, **flags):
    return tfnas.run_training(
        GENOTYPE,
        **images,
        **{"preset": "fast", "channels": 2, "cells": 3, "epochs": 2},
        **{"batch_size": 16, "valid_images": 12, "test_views": 2},
        **{"sizes": (0.5, 1.0), "halves": "index", "average_weights": 0.7},
        **{"out": str(out), "checkpoint_minutes": 0.0, **flags},
    )


@pytest.fixture(scope="module")
def whole(images, tmp_path_factory):
    """A training with all pieces that nothing interrupted."""
    return train(tmp_path_factory.mktemp("short") / "run", images)


def test_averages_are_what_is_judged_saved_and_tested(whole, images):
    state = final_state(whole.folder)
    averages = {k: v for k, v in state.items() if k.startswith("average/")}
    assert averages
    for name, array in averages.items():
        path = name.replace("average", "network", 1)
        np.testing.assert_array_equal(state[path], array)
    found = read_run(whole.folder)
    best = found.summary["epoch"] == 2
    classify = tfnas.load(whole.folder)
    held = data.Split(*images["data"]).take(range(60, 72))
    right = (classify(held.images).numpy().argmax(-1) == held.labels).mean()
    row = found.history["valid_accuracy"]
    assert right == pytest.approx(row[-1 if best else 0])
    page = (whole.folder / "report.html").read_text(encoding="utf-8")
    assert ("The weights are averages" in page) == best


def test_views_stand_apart_in_summary_and_report(whole, images):
    summary = read_run(whole.folder).summary
    network, (test, labels) = tfnas.load(whole.folder), images["test"]
    logits = network(test).numpy() + network(test[:, :, ::-1]).numpy()
    right = int((logits.argmax(-1) == labels).sum())
    assert summary["test_views"] == 2
    assert summary["test_views_correct"] == right
    assert summary["test_views_accuracy"] == right / 60
    assert 0 <= summary["valid_views_accuracy"] <= 1
    assert whole.accuracy == summary["test_correct"] / 60
    page = (whole.folder / "report.html").read_text(encoding="utf-8")
    assert "By 2 views" in page


@pytest.mark.parametrize("step", [2])
def test_a_stopped_training_goes_on_bit_for_bit(
    step, whole, images, tmp_path, monkeypatch
):
    """Stopped within the epoch of small images."""
    end = EachTrainingEpoch.on_train_batch_end

    def stop(self, index, logs=None):
        end(self, index, logs)
        if self.training.step == step:
            raise KeyboardInterrupt

    monkeypatch.setattr(EachTrainingEpoch, "on_train_batch_end", stop)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", images)
    monkeypatch.undo()
    train(tmp_path / "run", images, resume=True)
    state, expected = map(final_state, (tmp_path / "run", whole.folder))
    assert state.keys() == expected.keys()
    for name, array in expected.items():
        assert np.array_equal(state[name], array), name
