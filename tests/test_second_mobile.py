"""The mobile space's networks against a second implementation."""

import functools
import itertools

import pytest
import reference_mobile
import second
import tensorflow as tf

from tfnas import methods
from tfnas.genotype import OPERATIONS, Genotype
from tfnas.networks.mobile.evaluation import build_mobile_network
from tfnas.networks.mobile.supernet import MobileSupernet

# From this size on all strides are the published ones.
SIZE = {"input_shape": (64, 64, 3), "width": 0.25}
NAMES = OPERATIONS["mobile"]


def turning(count):
    """`count` candidates for each layer, so that all occur."""
    endless = itertools.cycle(NAMES)
    return [list(itertools.islice(endless, count)) for _ in range(19)]


@pytest.mark.parametrize(
    ("name", "radius"), [("darts", None), ("fair_darts", 0.3)]
)
def test_a_supernet_s_logits_and_gradients(name, radius, monkeypatch):
    """As it is, and under SDARTS's perturbation given its noise."""
    method = methods.get(name).with_flags({"smoothing": radius or 0.0})
    operations = {"layers": turning(2)}
    network = second.ready(
        lambda: MobileSupernet(method, operations=operations, **SIZE)
    )
    theirs = functools.partial(reference_mobile.supernet_logits, network)
    draws, options = second.Draws(), {}
    monkeypatch.setattr(tf.random, "stateless_uniform", draws)
    if radius:
        radius = tf.constant(radius, "float64")
        options = {"draws": draws, "radius": radius}
    second.assert_same(network, theirs, SIZE["input_shape"], **options)


def test_a_network_s_logits_and_gradients():
    genotype = Genotype("mobile", layers=tuple(sum(turning(1), [])))
    network = second.ready(
        lambda: build_mobile_network(genotype, dropout=0, **SIZE)
    )
    theirs = functools.partial(
        reference_mobile.network_logits, network, genotype
    )
    second.assert_same(network, theirs, SIZE["input_shape"])
