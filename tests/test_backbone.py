"""A network's features are a backbone for what is out of scope."""

import keras
import numpy as np
import pytest

import tfnas
from tfnas.genotype import Genotype

SMALL = "tests/small_genotype.json"


@pytest.mark.parametrize("space", ["darts", "mobile"])
def test_the_layer_pool_has_the_last_map_and_the_features(space):
    genotype, size = Genotype.from_json(SMALL), {"channels": 2, "cells": 3}
    if space == "mobile":
        genotype, size = Genotype("mobile", layers=("skip",) * 19), {}
        size = {"channels": 8, "cells": 19}
    network = tfnas.build_network(
        genotype, input_shape=(32, 32, 3), classes=7, **size
    )
    pool = network.get_layer("pool")
    backbone = keras.Model(network.input, [pool.input, pool.output])
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3))
    last, features = (np.asarray(x) for x in backbone(images.astype("f4")))
    assert last.ndim == 4
    np.testing.assert_allclose(
        last.mean((1, 2)), features, rtol=1e-4, atol=1e-6
    )
    logits = network.get_layer("logits")
    np.testing.assert_allclose(
        features @ logits.kernel.numpy() + logits.bias.numpy(),
        network(images.astype("f4")),
        rtol=1e-4,
        atol=1e-5,
    )
    head = keras.Model(network.input, keras.layers.Dense(1)(pool.output))
    assert head(images.astype("f4")).shape == (2, 1)


def test_several_labels_an_image_are_refused_by_name():
    from tfnas.data.arrays import from_arrays

    images = np.zeros((4, 8, 8), "uint8")
    with pytest.raises(tfnas.errors.UserError, match="several labels"):
        from_arrays((images, np.ones((4, 3))))
