"""NAS-Bench-201's networks against a second implementation."""

import functools

import pytest
import reference_nasbench201
import second
import tensorflow as tf

from tfnas import methods
from tfnas.networks import build_network
from tfnas.networks.nasbench201.supernet import BenchSupernet
from tfnas.spaces import nasbench201

SMALL = {"input_shape": (8, 8, 3), "channels": 4, "cells": 3}
CELL = (
    "|skip_connect~0|+|none~0|nor_conv_1x1~1|"
    "+|avg_pool_3x3~0|nor_conv_3x3~1|skip_connect~2|"
)
UNREACHED = "|none~0|+|none~0|nor_conv_3x3~1|+|nor_conv_1x1~0|none~1|none~2|"


def small(name, **values):
    method = methods.get(name).with_flags({"space": "nasbench201", **values})
    return second.ready(lambda: BenchSupernet(method, **SMALL))


def assert_same(network, **options):
    theirs = functools.partial(reference_nasbench201.supernet_logits, network)
    second.assert_same(network, theirs, network.image_shape, **options)


def test_a_supernet_s_logits_and_gradients():
    assert_same(small("darts"))


def test_partial_channels_edge_weights_and_a_fading_skip():
    network = small("pc_darts", auxiliary_skip=True)
    network.auxiliary_weight.assign(0.4)
    assert_same(network)


def test_dropout_on_skips_and_perturbed_weights_given_the_numbers(monkeypatch):
    network = small("pdarts", smoothing=0.3)
    network.skip_dropout_rate.assign(0.3)
    draws = second.Draws()
    monkeypatch.setattr(tf.random, "stateless_uniform", draws)
    assert_same(network, draws=draws, radius=tf.constant(0.3, "float64"))
    assert len(draws.drawn) == 1 + 3 * 3  # every state of three cells


@pytest.mark.parametrize("text", [CELL, UNREACHED], ids=["cell", "unreached"])
def test_a_network_s_logits_and_gradients(text):
    genotype = nasbench201.from_string(text)
    network = second.ready(lambda: build_network(genotype, **SMALL))
    theirs = functools.partial(
        reference_nasbench201.network_logits, network, genotype, 3
    )
    second.assert_same(network, theirs, SMALL["input_shape"])
