"""What methods add to DARTS's supernet, against a second implementation."""

import functools
from pathlib import Path

import numpy as np
import pytest
import reference_architecture
import reference_cells
import second
import tensorflow as tf

from tfnas import methods
from tfnas.bilevel import search as bilevel
from tfnas.genotype import ATTENTIONS, Genotype
from tfnas.networks import build_network
from tfnas.networks.darts.supernet import Supernet

SMALL = {"input_shape": (8, 8, 3), "channels": 4, "cells": 3, "nodes": 2}
SOME = ["none", "max_pool_3x3", "skip_connect", "sep_conv_3x3"]
# P-DARTS's later stages keep others on each edge.
EACH_ITS_OWN = {
    "normal": [
        ["skip_connect", "dil_conv_3x3"],
        ["max_pool_3x3", "skip_connect"],
        ["none", "sep_conv_3x3"],
        ["skip_connect", "avg_pool_3x3"],
        ["dil_conv_5x5", "skip_connect"],
    ],
    "reduce": [["skip_connect", "avg_pool_3x3"], ["none", "skip_connect"]] * 2
    + [["sep_conv_5x5", "skip_connect"]],
}
# One cell, a reduction, has edges of both strides.
ONE_CELL = {"cells": 1}
# (method, its values, sizes)
CASES = {
    "partial channels and edge weights": (
        "pc_darts",
        {},
        {"channels": 8, "operations": SOME},
    ),
    # Bottlenecks of two channels, and eight for each edge's features.
    "attention after every operation": (
        "att_darts",
        {},
        {"operations": ["skip_connect"], "channels": 32},
    ),
    "attention at the end": (
        "att_darts",
        {"attention": "end"},
        {"operations": ["skip_connect"], "channels": 32, "nodes": 1},
    ),
    "attention in both places": (
        "att_darts",
        {"attention": "after_every_and_end"},
        {"operations": ["none", "skip_connect"], **ONE_CELL},
    ),
    "attention among operations": (
        "att_darts",
        {"attention": "mixed_with_operation"},
        {"operations": ["skip_connect", *ATTENTIONS[1:]], **ONE_CELL},
    ),
    "attention among operations, twice": (
        "att_darts",
        {"attention": "double_mixed"},
        {"operations": ["none", "se"], **ONE_CELL},
    ),
    "a fading skip": ("darts", {"auxiliary_skip": True}, {"operations": SOME}),
    "the stem for ImageNet": (
        "darts",
        {"stem": "imagenet"},
        {"input_shape": (32, 32, 3), "operations": SOME, "nodes": 1},
    ),
    "all at once": (
        "att_darts",
        {
            "partial_channels": 2,
            "edge_normalization": True,
            "auxiliary_skip": True,
            "relaxation": "sigmoid",
            "derivation": "threshold_node",
            "threshold": 0.85,
        },
        {"operations": ["skip_connect", "sep_conv_3x3"], **ONE_CELL},
    ),
}


def small(name, values, sizes):
    method = methods.get(name).with_flags(values)
    return second.ready(lambda: Supernet(method, **{**SMALL, **sizes}))


def assert_same(network, **options):
    theirs = functools.partial(reference_cells.supernet_logits, network)
    second.assert_same(network, theirs, network.image_shape, **options)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_supernet_s_logits_and_gradients(case):
    network = small(*case)
    if network.auxiliary_weight is not None:
        network.auxiliary_weight.assign(0.4)
    assert_same(network)


def test_dropout_on_skips_given_its_mask(monkeypatch):
    network = small("pdarts", {}, {"operations": EACH_ITS_OWN})
    network.skip_dropout_rate.assign(0.3)
    draws = second.Draws()
    monkeypatch.setattr(tf.random, "stateless_uniform", draws)
    assert_same(network, draws=draws)
    # The states of the normal cell; of both others, the first node.
    assert len(draws.drawn) == 3 + 1 + 1


@pytest.mark.parametrize("method", ["darts", "fair_darts"])
def test_perturbed_weights_given_the_noise(method, monkeypatch):
    """SDARTS, where some weights are cut at 0 and some at 1."""
    sizes = {"operations": ["max_pool_3x3", "skip_connect", "avg_pool_3x3"]}
    network = small(method, {"smoothing": 0.3}, sizes)
    for alpha in network.architecture.values():
        alpha.assign(3 * alpha)
    draws = second.Draws()
    monkeypatch.setattr(tf.random, "stateless_uniform", draws)
    assert_same(network, draws=draws, radius=tf.constant(0.3, "float64"))
    noise, _ = draws.drawn  # of each kind of cell
    relax = reference_architecture.RELAXATIONS[network.method.relaxation]
    moved = relax(network.architecture["alphas_normal"]) + 0.6 * noise - 0.3
    assert np.any(moved < 0) and np.any(moved > 1)


# === beta-DARTS ===


def test_the_step_of_alpha_with_beta_decay():
    network = small("darts", {"beta_decay": 5.0}, {"operations": SOME})
    network.beta_decay_weight.assign(2.5)
    images, labels = second.batch(network.image_shape)
    found = bilevel.architecture_gradients(network, None, (images, labels))
    alphas = [v.value for v in network.architecture.values()]
    with tf.GradientTape() as tape:
        logits = reference_cells.supernet_logits(network, images, True)
        decay = reference_architecture.beta_decay(alphas)
        value = second.loss(logits, labels) + 2.5 * decay
    assert second.relative(network.architecture_loss(), 2.5 * decay) < 1e-10
    expected = tape.gradient(value, alphas)
    second.assert_same_gradients(
        {name: gradient.numpy() for name, gradient in found.items()},
        {n: g.numpy() for n, g in zip(found, expected, strict=True)},
    )


# === The stem for ImageNet in a network to be trained ===


def test_an_imagenet_network_s_logits_and_gradients():
    genotype = Genotype.from_json(Path(__file__).parent / "small_genotype.json")
    shape = (32, 32, 3)
    network = second.ready(
        lambda: build_network(
            genotype, input_shape=shape, channels=4, cells=3, stem="imagenet"
        )
    )
    theirs = functools.partial(
        reference_cells.imagenet_network_logits, network, genotype, 3
    )
    second.assert_same(network, theirs, shape)
