"""The alternating update against the authors' steps and a plain search."""

import dataclasses
import sys
from pathlib import Path

import keras
import numpy as np
import preloaded
import pytest
import tensorflow as tf
from kinks import batch_far_from_kinks
from parity import KINDS, RECORD, batch, part, relative, untraced
from reference import BaselineSearch, BaselineSupernet
from running import arrays
from second_order_gradients import gradients

from tfnas import convert
from tfnas.bilevel import search as bilevel
from tfnas.networks.darts.supernet import Supernet

PROGRAM = Path(__file__).with_name("second_order_gradients.py")


@pytest.fixture
def record(golden):
    return golden(RECORD)


@pytest.fixture
def supernet(record, recorded_supernet):
    """The authors' network at the start of the record, in float64."""
    return recorded_supernet(record, "float64", traced=False)


def batches(record, dtype="float64"):
    return batch(record, "train", dtype), batch(record, "valid", dtype)


# === The gradient in alpha ===


def test_first_order(supernet, record):
    actual = bilevel.architecture_gradients(supernet, *batches(record))
    for kind in KINDS:
        expected = record[f"grad1_{kind}"]
        assert relative(actual[f"alphas_{kind}"], expected) < 1e-11


def test_first_order_in_float32():
    """Against float64: rounding would carry a ReLU of the record across."""
    keras.utils.set_random_seed(0)
    double, single = (
        untraced(small(input_shape=(8, 8, 1), nodes=2, dtype=dtype))
        for dtype in ("float64", "float32")
    )
    single.set_weights(double.get_weights())
    images, labels = batch_far_from_kinks(double, 4)
    expected, actual = (
        bilevel.architecture_gradients(
            supernet, None, (tf.constant(images, supernet.dtype), labels)
        )
        for supernet in (double, single)
    )
    for name, gradient in expected.items():
        assert relative(actual[name], gradient) < 1e-4


def assert_second_order(record, case, actual):
    for kind in KINDS:
        expected = record[f"grad2_{case}_{kind}"]
        # The learning rate goes through float32, as an optimizer's does.
        assert relative(actual[f"alphas_{kind}"], expected) < 1e-7


@pytest.mark.parametrize("case", ["nomom", "mom"])
def test_finite_differences(supernet, record, case):
    actual = gradients(supernet, record, "finite_difference", case == "mom")
    assert_second_order(record, f"fd_{case}", actual)


@pytest.mark.parametrize(
    "traced", [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_exact_second_order(record, traced, tmp_path):
    recorded, out = tmp_path / "record.npz", tmp_path / "gradients.npz"
    np.savez(recorded, **record)
    words = [sys.executable, PROGRAM, recorded, out, str(traced)]
    done = preloaded.run(words)
    assert done.returncode == 0, done.stderr
    for case in ("nomom", "mom"):
        assert_second_order(
            record, f"exact_{case}", part(arrays(out), f"{case}/")
        )


@pytest.mark.parametrize("order", [1, 2])
def test_evaluating_a_gradient_changes_nothing(supernet, record, order):
    before = supernet.get_weights()
    bilevel.architecture_gradients(supernet, *batches(record), order=order)
    for variable, value in zip(supernet.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)


def test_first_order_does_not_read_the_training_batch(supernet, record):
    valid = batch(record, "valid", "float64")
    gradients = bilevel.architecture_gradients(supernet, None, valid)
    assert gradients.keys() == {f"alphas_{kind}" for kind in KINDS}


# === Steps ===


def assert_steps(supernet, record, eagerly):
    """Two calls of fit, one step each, end where the authors' steps end."""
    order = supernet.method.order
    search = bilevel.BilevelSearch(supernet)
    search.run_eagerly = eagerly
    data = tf.data.Dataset.from_tensors(batches(record))
    for number in (1, 2):
        logs = search.fit(data, verbose=0, shuffle=False).history
        after = part(record, f"step{order}_after{number}/")
        # Keras keeps its metrics in float32.
        expected = float(after["train_loss_in_step"])
        assert logs["loss"] == pytest.approx([expected])
        for name, alpha in supernet.architecture.items():
            assert np.abs(alpha - after[name]).max() < 1e-9
    actual = convert.to_authors(supernet)
    for name, expected in (
        part(after, "param/") | part(after, "buffer/")
    ).items():
        np.testing.assert_allclose(
            actual[name], expected, rtol=1e-6, atol=1e-7, err_msg=name
        )


# Every day test_stages.py holds a step in a graph against an eager one.
IN_A_GRAPH = pytest.mark.parametrize(
    "graph", [False, pytest.param(True, marks=pytest.mark.slow)]
)


@IN_A_GRAPH
def test_two_steps_of_first_order(record, recorded_supernet, graph):
    supernet = recorded_supernet(record, "float64", traced=graph)
    assert_steps(supernet, record, eagerly=not graph)


@IN_A_GRAPH
def test_two_steps_of_second_order(record, recorded_supernet, graph):
    supernet = recorded_supernet(record, "float64", traced=graph)
    first = supernet.method
    supernet.method = dataclasses.replace(first, order=2)
    assert_steps(supernet, record, eagerly=not graph)
    supernet.method = first


def small(**options):
    sizes = {"input_shape": (9, 7, 1), "classes": 5, "channels": 4}
    sizes |= {"cells": 3, "nodes": 1, "dtype": "float64"}
    return Supernet(**sizes | options)


@pytest.fixture(scope="module")
def small_batches():
    generator = np.random.default_rng(0)
    images = generator.normal(size=(2, 4, 9, 7, 1))
    return [(tf.constant(half), generator.integers(0, 5, 4)) for half in images]


@pytest.fixture(scope="module")
def searched(small_batches):
    """A small search, and the plain one, after a step from the same start."""
    search = bilevel.BilevelSearch(untraced(small()))
    search.run_eagerly = True
    plain = BaselineSupernet(
        classes=5, in_channels=1, channels=4, cells=3, nodes=1, dtype="float64"
    )
    alphas = {k: v.numpy() for k, v in search.supernet.architecture.items()}
    plain.load_authors(convert.to_authors(search.supernet) | alphas)
    logs = search.train_step(small_batches)
    losses = BaselineSearch(plain).step.python_function(*small_batches)
    # Other tests take further steps, in any order.
    alphas = {k: v.numpy() for k, v in search.supernet.architecture.items()}
    stepped = alphas, convert.to_authors(search.supernet)
    return search, stepped, plain, logs, losses


def test_a_step_is_that_of_the_plain_search(searched):
    _, (alphas, actual), plain, logs, losses = searched
    for name, alpha in alphas.items():
        expected = plain.alphas()[name]
        np.testing.assert_allclose(alpha, expected, rtol=0, atol=1e-9)
    for name, weight in plain.parameters().items():
        expected = np.transpose(weight.variable, weight.to_torch)
        # The learning rate 0.025 is a float32 variable in ours.
        np.testing.assert_allclose(actual[name], expected, rtol=0, atol=1e-8)
    assert float(logs["loss"]) == pytest.approx(float(losses["train_loss"]))
    assert float(logs["alpha_loss"]) == pytest.approx(
        float(losses["valid_loss"])
    )


def test_a_frozen_architecture_stays(searched, small_batches):
    """Methods warm the weights up before they move alpha."""
    search = searched[0]
    variables = list(search.supernet.architecture.values())
    before = [v.numpy() for v in variables + search.alpha_optimizer.variables]
    weights = [v.numpy() for v in search.supernet.weight_variables]
    search.architecture_frozen = True
    search.train_step(small_batches)
    search.architecture_frozen = False
    after = [v.numpy() for v in variables + search.alpha_optimizer.variables]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(weights, search.supernet.weight_variables, strict=True):
        assert (a != b.numpy()).any(), b.path


def test_evaluation_uses_the_moving_statistics(searched, small_batches):
    search = searched[0]
    images, labels = small_batches[1]
    before = search.supernet.get_weights()
    logs = search.evaluate(images, labels, verbose=0, return_dict=True)
    logits = search.supernet(images).numpy()
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    shares = shifted / shifted.sum(-1, keepdims=True)
    loss = -np.log(shares[np.arange(len(labels)), labels]).mean()
    assert logs["loss"] == pytest.approx(loss, rel=1e-5)
    assert logs["accuracy"] == np.mean(logits.argmax(-1) == labels)
    for a, b in zip(before, search.supernet.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_optimizers_are_whole_from_construction_on():
    search = bilevel.BilevelSearch(small())
    count = len(search.supernet.weight_variables)
    assert len(search.optimizer.buffers) == count
    assert len(search.alpha_optimizer.first) == len(KINDS)
    assert len(search.alpha_optimizer.second) == len(KINDS)
