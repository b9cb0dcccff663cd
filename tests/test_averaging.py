"""Averages of weights, and statistics estimated anew, against NumPy."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfnas
from tfnas.bilevel.averaging import AveragedWeights, estimate_statistics
from tfnas.layers.fast.normalization import BatchNormalization

PATH = Path(__file__).parent / "small_genotype.json"


def dense():
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.layers.Dense(3)(inputs))


def test_the_average_is_a_mean_that_forgets():
    """Equal weights up to 1 / (1 - decay) steps, then a share of 0.75."""
    network = dense()
    averages = AveragedWeights(network, 0.75)
    generator, way = np.random.default_rng(0), []
    for step in range(1, 9):
        for weight in network.trainable_variables:
            weight.assign(generator.normal(size=weight.shape))
        way.append(network.get_weights())
        averages.update(tf.constant(step))
        if step <= 4:
            expected = [np.mean(w, 0) for w in zip(*way, strict=True)]
        else:
            pairs = zip(expected, way[-1], strict=True)
            expected = [0.75 * mean + 0.25 * w for mean, w in pairs]
        for variable, array in zip(averages.variables, expected, strict=True):
            np.testing.assert_allclose(variable, array, atol=1e-6)
    assert [*averages.by_path()] == [
        v.path for v in network.trainable_variables
    ]
    averages.take()
    for weight, array in zip(network.get_weights(), expected, strict=True):
        np.testing.assert_allclose(weight, array, atol=1e-6)


@pytest.mark.parametrize("shape", [(5,), (3, 3, 5)])
def test_statistics_are_the_means_of_those_of_the_batches(shape):
    inputs = keras.Input(shape)
    norm = BatchNormalization()
    network = keras.Model(inputs, norm(inputs))
    norm.moving_mean.assign(np.full(5, 100.0))
    generator = np.random.default_rng(0)
    batches = [generator.normal(2, 3, (n, *shape)) for n in (8, 8, 4)]
    batches = [batch.astype("float32") for batch in batches]
    estimate_statistics(network, batches)
    axes = tuple(range(len(shape)))
    means = [batch.mean(axes) for batch in batches]
    variances = [batch.var(axes, ddof=1) for batch in batches]
    np.testing.assert_allclose(norm.moving_mean, np.mean(means, 0), rtol=1e-5)
    np.testing.assert_allclose(
        norm.moving_variance, np.mean(variances, 0), rtol=1e-5
    )


def test_only_statistics_change_and_no_path_is_dropped():
    genotype = tfnas.Genotype.from_json(PATH)
    size = {"input_shape": (8, 8, 1), "channels": 2, "cells": 3}
    networks = []
    for drop_path in (0.0, 0.5):
        keras.utils.set_random_seed(0)
        network = tfnas.build_network(genotype, drop_path=drop_path, **size)
        before = {v.path: v.numpy() for v in network.variables}
        images = np.random.default_rng(0).normal(size=(2, 6, 8, 8, 1))
        estimate_statistics(network, images.astype("float32"))
        networks.append({v.path: v.numpy() for v in network.variables})
    plain, dropped = networks
    for path, array in plain.items():
        np.testing.assert_array_equal(dropped[path], array)
    moved = {p for p in plain if not np.array_equal(before[p], dropped[p])}
    assert moved == {p for p in plain if "/moving_" in p}
