"""The Hessian in alpha against finite differences and NumPy's eigenvalues."""

import keras
import numpy as np
import pytest
from kinks import batch_far_from_kinks
from parity import untraced

from tfnas import methods
from tfnas.bilevel.hessian import AlphaHessian, largest_eigenvalue
from tfnas.bilevel.search import architecture_gradients
from tfnas.networks.darts.supernet import Supernet

OPERATIONS = ("skip_connect", "avg_pool_3x3", "sep_conv_3x3")


def tiny(dtype="float64", **flags):
    method = methods.get("darts").with_flags(
        {"operations": OPERATIONS, "alpha_deviation": 0.5, **flags}
    )
    size = {"input_shape": (8, 8, 3), "channels": 2, "cells": 3, "nodes": 1}
    return Supernet(method, **size, dtype=dtype)


@pytest.fixture(scope="module")
def supernet():
    keras.utils.set_random_seed(0)
    return untraced(tiny())


@pytest.fixture(scope="module")
def batch(supernet):
    return batch_far_from_kinks(supernet, 16)


@pytest.fixture(scope="module")
def hessian(supernet, batch):
    return AlphaHessian(supernet, batch)


@pytest.fixture(scope="module")
def explicit(supernet, batch):
    """The whole matrix from differences of first-order gradients."""
    step, columns = 1e-5, []

    def gradient():
        found = architecture_gradients(supernet, None, batch)
        return np.concatenate([np.ravel(part) for part in found.values()])

    for variable in supernet.architecture.values():
        value = np.array(variable)
        for place in np.ndindex(value.shape):
            sides = []
            for sign in (1, -1):
                moved = value.copy()
                moved[place] += sign * step
                variable.assign(moved)
                sides.append(gradient())
            variable.assign(value)
            columns.append((sides[0] - sides[1]) / (2 * step))
    return np.array(columns)


def test_products_are_those_of_the_explicit_matrix(hessian, explicit):
    assert explicit.shape == (12, 12) == (hessian.size, hessian.size)
    assert np.abs(explicit).max() > 1e-4
    actual = np.array([hessian.product(row) for row in np.eye(12)])
    worst = np.abs(actual - explicit).max()
    assert worst < 1e-5 * np.abs(explicit).max()


def test_the_eigenvalue_is_numpy_s(hessian, explicit):
    symmetric = (explicit + explicit.T) / 2
    expected = np.linalg.eigvalsh(symmetric)[-1]
    assert hessian.largest_eigenvalue() == pytest.approx(expected, rel=2e-3)


def test_products_in_float32_are_those_in_float64(supernet, hessian, batch):
    """The fused batch norm's second derivative would be tens of percent off."""
    single = tiny("float32")
    for one, two in zip(single.variables, supernet.variables, strict=True):
        one.assign(np.array(two, "float32"))
    vector = np.linspace(-1, 1, hessian.size)
    expected = hessian.product(vector)
    images, labels = batch
    batch = images.astype("float32"), labels
    actual = AlphaHessian(single, batch).product(vector)
    assert np.abs(actual - expected).max() < 1e-3 * np.abs(expected).max()


def test_nothing_changes(supernet, hessian):
    before = supernet.get_weights()
    hessian.product(np.ones(hessian.size))
    for one, two in zip(before, supernet.get_weights(), strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize("seed", range(8))
def test_lanczos_finds_the_largest_not_the_farthest(seed):
    """Also where a negative eigenvalue is the farthest from zero."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(60, 60)) - np.diag(rng.exponential(9, 60))
    matrix = matrix + matrix.T
    expected = np.linalg.eigvalsh(matrix)[-1]
    found = largest_eigenvalue(matrix.dot, 60)
    assert found == pytest.approx(expected, rel=2e-3)


def test_lanczos_ends_where_nothing_is_left():
    assert largest_eigenvalue(np.zeros((5, 5)).dot, 5) == 0
    assert largest_eigenvalue(np.eye(5).dot, 5) == pytest.approx(1)
    assert largest_eigenvalue(np.diag([3.0, 1.0]).dot, 2) == pytest.approx(3)
