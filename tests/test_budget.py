"""The budget of multiply-adds: what it counts, refuses and pushes."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from small_runs import search_here

from tfnas import cost, methods
from tfnas.errors import UserError
from tfnas.genotype import Cell, Edge, Genotype
from tfnas.networks.darts import budget
from tfnas.networks.darts.supernet import Supernet
from tfnas.spaces.darts import KINDS, PRIMITIVES, edges

SMALL = {"input_shape": (9, 8, 1), "classes": 3}
METHODS = {
    "softmax": ("darts", {}),
    "P-DARTS": ("pdarts", {"skip_limit": 8}),
    "sigmoid": ("fair_darts", {}),
    "sigmoid by each edge": ("fair_darts", {"derivation": "threshold_edge"}),
    "sigmoid with none": (
        "darts",
        {"relaxation": "sigmoid", "operations": PRIMITIVES},
    ),
    "edge weights": ("pc_darts", {"partial_channels": 1}),
    "attentions": ("att_darts", {"attention": "after_every_and_end"}),
    "attentions compete": ("att_darts", {"attention": "double_mixed"}),
}
EACH = pytest.mark.parametrize("name", METHODS)


def supernet(method="darts", flags=None, *, nodes=2, operations=None):
    """A supernet in float64 whose budget every network exceeds."""
    values = {"budget_macs": 1e-3, "nodes": nodes, "zero_one_weight": 0.0}
    values |= flags or {}
    return Supernet(
        methods.get(method).with_flags(values),
        cells=1,
        channels=4,
        operations=operations,
        dtype="float64",
        **SMALL,
    )


def table(of):
    """`cost.candidate_multiply_adds` of a supernet."""
    return cost.candidate_multiply_adds(
        of.operations,
        nodes=of.nodes,
        edge_attentions=of.placement.second,
        cell_attentions=of.placement.end,
        input_shape=of.image_shape,
        classes=of.classes,
    )


def expected(of):
    return float(
        budget.expected_multiply_adds(of.architecture_layer, *table(of))
    )


def unit(of):
    """What the costliest candidate costs, in which the loss is counted."""
    parts = [part for own in table(of)[0].values() for part in own.values()]
    return max(part.max(initial=0) for part in parts)


def pushed(of):
    """The multiply-adds of the network that the loss sees above its budget."""
    over = float(of.architecture_loss()) / of.method.budget_weight
    return over * unit(of) + of.method.budget_macs * 1e6


def draw(of, rng):
    """Make every choice of a random cell as good as certain."""
    for kind in KINDS:
        names = np.array(of.operations[kind])
        alpha = np.where(names == "none", 50.0, -50.0)
        for node in range(2, of.nodes + 2):
            into = [
                i for i, (_, to) in enumerate(edges(of.nodes)) if to == node
            ]
            for row in rng.choice(into, 2, replace=False):
                possible = np.flatnonzero(names[row] != "none")
                alpha[row] = -50.0
                alpha[row, rng.choice(possible)] = 50.0
        of.architecture[f"alphas_{kind}"].assign(alpha)
    for name, variable in of.architecture.items():
        if name.startswith(("betas", "gammas")):
            count = variable.shape[-1]  # the first may be `none`
            chosen = rng.integers(1, count, size=variable.shape[:-1])
            places = np.arange(count)
            certain = np.where(places == chosen[..., None], 50.0, -50.0)
            variable.assign(certain)


# === The expectation ===


@EACH
def test_a_certain_choice_costs_what_the_derived_network_does(name):
    of, rng = supernet(*METHODS[name]), np.random.default_rng(0)
    for _ in range(12):
        draw(of, rng)
        counted = cost.network_cost(of.derive(), **SMALL).multiply_adds
        assert expected(of) == pytest.approx(counted, rel=1e-12)
        assert pushed(of) == pytest.approx(counted, rel=1e-9)


@pytest.mark.parametrize("alpha", [-4.0, 0.0, 4.0])
def test_none_saves_nothing(alpha):
    """Cells of 5x5 convolutions have 818 M, whatever alpha of `none` is."""
    method = methods.get("darts").with_flags({"budget_macs": 100.0})
    of = Supernet(
        method, cells=1, channels=2, operations=["none", "sep_conv_5x5"]
    )
    for variable in of.architecture.values():
        variable.assign(np.zeros(variable.shape))
        variable[:, 0].assign(np.full(14, alpha))
    assert expected(of) == pytest.approx(817_833_600, rel=1e-6)
    assert pushed(of) == pytest.approx(817_833_600, rel=1e-5)


def ordered_pairs(strength):
    """((first, second), chance) of two draws without putting back."""
    for i, j in itertools.permutations(range(len(strength)), 2):
        rest = sum(strength) - strength[i]
        yield (i, j), strength[i] / sum(strength) * strength[j] / rest


def test_the_expectation_is_the_mean_over_all_networks():
    names = ("none", "sep_conv_3x3", "dil_conv_5x5")
    free = [["max_pool_3x3"] * 3] * 5
    of = supernet(operations={"normal": [names] * 5, "reduce": free})
    alpha = np.random.default_rng(1).normal(size=(5, 3))
    of.architecture["alphas_normal"].assign(alpha)
    shares = np.exp(alpha) / np.exp(alpha).sum(1, keepdims=True)
    strength, drawn = shares[:, 1:].max(1), shares[:, 1:]
    drawn = drawn / drawn.sum(1, keepdims=True)
    still = Cell(tuple(Edge("max_pool_3x3", 0, to) for to in (2, 3)), (2, 3))
    mean = 0.0
    for pair, chance in ordered_pairs(strength[2:]):
        rows = (0, 1, 2 + pair[0], 2 + pair[1])
        for picks in itertools.product(range(2), repeat=4):
            kept = tuple(
                Edge(names[1 + pick], *edges(2)[row])
                for row, pick in zip(rows, picks, strict=True)
            )
            genotype = Genotype(
                "darts", normal=Cell(kept, (2, 3)), reduce=still
            )
            weight = chance * np.prod(drawn[list(rows), list(picks)])
            counted = cost.network_cost(genotype, **SMALL).multiply_adds
            mean += weight * counted
    assert expected(of) == pytest.approx(mean, rel=1e-12)


# === The push ===


def gradients(of, function):
    variables = [v.value for v in of.architecture.values()]
    with tf.GradientTape() as tape:
        loss = function()
    return [
        tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, variables)
    ]


@EACH
def test_the_gradient_is_that_of_finite_differences(name):
    of, rng = supernet(*METHODS[name]), np.random.default_rng(2)
    start = {k: rng.normal(size=v.shape) for k, v in of.architecture.items()}
    way = {k: rng.normal(size=v.shape) for k, v in of.architecture.items()}

    def at(step):
        for key, variable in of.architecture.items():
            variable.assign(start[key] + step * way[key])
        return expected(of)

    slope = (at(1e-6) - at(-1e-6)) / 2e-6
    at(0.0)
    macs, fixed = table(of)
    parts = gradients(
        of,
        lambda: budget.expected_multiply_adds(
            of.architecture_layer, macs, fixed
        ),
    )
    along = sum((g * w).sum() for g, w in zip(parts, way.values(), strict=True))
    assert along == pytest.approx(slope, rel=1e-5)
    # Above the budget the loss falls along the same slope.
    own = gradients(of, of.architecture_loss)
    scale = of.method.budget_weight / unit(of)
    for one, other in zip(own, parts, strict=True):
        np.testing.assert_allclose(one, scale * other, rtol=1e-9, atol=1e-9)


def test_a_network_within_the_budget_is_not_pushed():
    """Even where the mean over all networks is above it."""
    of = supernet(operations=["skip_connect", "sep_conv_5x5"])
    for variable in of.architecture.values():
        variable.assign(np.zeros(variable.shape))
        variable[:, 0].assign(np.full(5, 1e-3))
    counted = cost.network_cost(of.derive(), **SMALL).multiply_adds
    macs, fixed = table(of)
    assert expected(of) > 1.5 * counted
    loss = [
        float(budget.over_budget(of.architecture_layer, macs, fixed, allowed))
        for allowed in (counted, counted / 2)
    ]
    assert loss == pytest.approx([0.0, counted / 2 / unit(of)])
    assert not np.any(
        gradients(
            of,
            lambda: budget.over_budget(
                of.architecture_layer, macs, fixed, counted
            ),
        )
    )


def test_above_the_budget_expensive_operations_lose():
    names = ["skip_connect", "dil_conv_3x3", "sep_conv_5x5"]
    of = supernet(operations=names)
    for variable in of.architecture.values():
        variable.assign(np.zeros(variable.shape))
        variable[:, 2].assign(np.full(5, 1e-3))
    normal = -gradients(of, of.architecture_loss)[0]
    assert (normal[:, 0] > normal[:, 1]).all()
    assert (normal[:, 1] > normal[:, 2]).all()
    assert (normal[:, 2] < 0).all() and (normal[:, 0] > 0).all()


# === The smallest network ===


def cells(names, limit=None):
    """Every cell of two nodes that keeps two edges of each."""
    for pair in itertools.combinations((2, 3, 4), 2):
        for ops in itertools.product(names, repeat=4):
            if limit is None or ops.count("skip_connect") <= limit:
                rows = (0, 1, *pair)
                places = [edges(2)[row] for row in rows]
                kept = [Edge(op, *p) for op, p in zip(ops, places, strict=True)]
                yield Cell(tuple(kept), (2, 3))


@pytest.mark.parametrize(
    ("names", "limit"),
    [
        (("skip_connect", "sep_conv_3x3"), None),
        (("skip_connect", "sep_conv_3x3"), 1),
        (("sep_conv_5x5", "dil_conv_3x3"), None),
        (("skip_connect", "max_pool_3x3", "sep_conv_3x3"), 0),
    ],
)
def test_the_smallest_network_is_the_least_of_all(names, limit):
    size = {"channels": 8, "cells": 5, **SMALL}

    def least(normals, reduces):
        return min(
            cost.network_cost(
                Genotype("darts", normal=normal, reduce=reduce), **size
            ).multiply_adds
            for normal in normals
            for reduce in reduces
        )

    # What one kind of cell costs does not depend on the other.
    other = next(cells(names))
    found = least(cells(names, limit), [other]) + least([other], cells(names))
    smallest = cost.smallest_multiply_adds(
        ("none", *names), nodes=2, skip_limit=limit, **size
    )
    assert smallest == found - least([other], [other])


def test_a_threshold_may_leave_one_edge_of_a_cell():
    edge = Edge("max_pool_3x3", 0, 2)
    cell = Cell((edge,), (2,))
    least = cost.network_cost(Genotype("darts", normal=cell, reduce=cell))
    found = cost.smallest_multiply_adds(PRIMITIVES, by_threshold=True)
    assert found == least.multiply_adds


def test_the_smallest_attends_to_nothing():
    plain, attended, only = (
        cost.smallest_multiply_adds(PRIMITIVES, **more)
        for more in (
            {},
            {"edge_attentions": ("none", "se", "identity")},
            {"edge_attentions": ("none", "se"), "cell_attentions": ("se",)},
        )
    )
    assert plain == attended < only


def test_a_budget_below_the_smallest_is_refused():
    method = methods.get("darts")
    smallest = cost.smallest_multiply_adds(method.operations)
    least = np.ceil(smallest / 1e4) / 100
    for enough in (0, least, 1e4):
        allowed = method.with_flags({"budget_macs": float(enough)})
        budget.check(allowed, (32, 32, 3), 10)
    short = method.with_flags({"budget_macs": least - 0.01})
    with pytest.raises(UserError, match=f"has {least:.2f} million") as caught:
        budget.check(short, (32, 32, 3), 10)
    assert "\n" not in str(caught.value)


def test_a_search_that_is_refused_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match=r"^--budget_macs=2: the smallest"):
        search_here(tmp_path / "run", budget_macs=2.0)
    assert not (tmp_path / "run").exists()


def test_an_older_run_with_a_small_budget_may_go_on(tmp_path):
    """It is asked for its folder, not for its budget."""
    with pytest.raises(UserError, match="no run to resume"):
        search_here(tmp_path / "run", budget_macs=2.0, resume=True)
