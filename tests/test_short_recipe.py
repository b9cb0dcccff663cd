"""The pieces of a short training, alone against NumPy and together."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfnas
from tfnas.bilevel import supervised
from tfnas.errors import UserError
from tfnas.genotype import Cell, Edge, Genotype
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


def test_a_layer_for_one_size_is_refused():
    edges = (Edge("skip_connect", 0, 2, "ge_theta_plus"),)
    cell = Cell(edges, (2,))
    text = Genotype("darts", normal=cell, reduce=cell).to_json()
    with pytest.raises(UserError, match="--sizes=0.5,1.0: ge_theta_plus has"):
        resolve({"genotype": text, "sizes": (0.5, 1.0)})


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
