"""The derivations against the authors' code, and their rules one by one."""

import itertools

import numpy as np
import pytest

from tfnas import derivation, schedule
from tfnas.errors import UserError
from tfnas.genotype import Cell, Edge, Genotype
from tfnas.spaces.darts import PRIMITIVES, edges

ALL = (PRIMITIVES,) * 14
WITHOUT_NONE = (PRIMITIVES[1:],) * 14
KINDS = ("normal", "reduce")


def pairs(cell):
    """A cell in the authors' notation, two (operation, source) per node."""
    targets = [edge.to for edge in cell.edges]
    assert targets == [2 + i // 2 for i in range(len(targets))]
    return [[edge.op, edge.source] for edge in cell.edges]


def triples(cell):
    return [[edge.op, edge.to, edge.source] for edge in cell.edges]


def skips(cell):
    return sum(edge.op == "skip_connect" for edge in cell.edges)


def at(strong, operations, nodes=2, fill=0.1):
    """Mixing weights that are small but for {(source, to, op): weight}."""
    weights = np.full((len(edges(nodes)), len(operations)), fill)
    for (source, to, op), weight in strong.items():
        row = edges(nodes).index((source, to))
        weights[row, operations.index(op)] = weight
    return weights


# === Relaxations ===


def test_softmax_and_sigmoid_are_the_textbook_formulas():
    alpha = np.random.default_rng(0).normal(size=(14, 8))
    powers = np.exp(alpha)
    np.testing.assert_allclose(
        derivation.softmax(alpha), powers / powers.sum(axis=1)[:, None]
    )
    np.testing.assert_allclose(derivation.sigmoid(alpha), powers / (1 + powers))


@pytest.mark.parametrize(
    ("function", "expected"),
    [(derivation.softmax, [0, 1]), (derivation.sigmoid, [0, 1])],
)
def test_large_alphas_do_not_overflow(function, expected):
    np.testing.assert_allclose(function([-2000.0, 2000.0]), expected)


# === DARTS ===


@pytest.mark.parametrize("case", range(15))
@pytest.mark.parametrize("kind", [0, 1], ids=KINDS)
def test_top2_is_the_authors(golden, case, kind):
    case = golden("darts_genotype.json")[case]
    alpha = np.array(case["arch"][kind])
    weights = derivation.softmax(alpha)
    cell = derivation.top2(weights, ALL)
    expected = case[KINDS[kind]]
    assert list(cell.concat) == case["concat"]
    if not np.array_equal(alpha, np.round(alpha)):
        assert pairs(cell) == expected
        return
    # Integer alphas tie, and the rounding of the softmax's sum decides.
    for ours, (op, source) in zip(cell.edges, expected, strict=True):
        rows = [edges().index((s, ours.to)) for s in (ours.source, source)]
        columns = [PRIMITIVES.index(name) for name in (ours.op, op)]
        np.testing.assert_allclose(*weights[rows, columns], rtol=1e-12)


def test_top2_breaks_ties_towards_the_earlier_edge_and_operation():
    cell = derivation.top2(np.full((14, 8), 1 / 8), ALL)
    assert pairs(cell) == [["max_pool_3x3", 0], ["max_pool_3x3", 1]] * 4


def test_none_is_not_chosen_but_weakens_its_edge():
    alphas = np.zeros((5, 8))
    alphas[2, PRIMITIVES.index("sep_conv_3x3")] = 3.0
    alphas[2, PRIMITIVES.index("none")] = 9.0
    cell = derivation.top2(derivation.softmax(alphas), ALL[:5], nodes=2)
    assert pairs(cell)[2:] == [["max_pool_3x3", 1], ["max_pool_3x3", 2]]


def test_edge_weights_of_pc_darts_reorder_the_edges():
    weights = np.full((5, 8), 1 / 8)
    factors = [0.1, 0.9, 0.1, 0.2, 0.7]
    weighed = weights * np.array(factors)[:, None]
    cell = derivation.top2(weighed, ALL[:5], nodes=2)
    assert [(e.source, e.to) for e in cell.edges] == [
        (1, 2),
        (0, 2),
        (2, 3),
        (1, 3),
    ]


def test_attention_is_the_strongest_of_its_edge_and_moves_nothing():
    weights = derivation.softmax(np.random.default_rng(1).normal(size=(14, 8)))
    betas = np.random.default_rng(2).random((14, 3))
    names = derivation.strongest(betas, ("identity", "se", "bam"))
    cell, _ = derivation.derive("top2", weights, ALL, attentions=names)
    assert pairs(cell) == pairs(derivation.top2(weights, ALL))
    for edge in cell.edges:
        row = betas[edges().index((edge.source, edge.to))]
        assert edge.attention == ("identity", "se", "bam")[row.argmax()]


# === P-DARTS ===


def stages_of(case, kind):
    """Weights and operations of every stage; switches become names."""
    operations = ALL
    for number, stage in enumerate(case["stages"]):
        weights = derivation.softmax(stage[f"alphas_{kind}"])
        switches = stage[f"switches_{kind}_after"]
        after = tuple(
            tuple(itertools.compress(PRIMITIVES, row)) for row in switches
        )
        yield number, weights, operations, after
        operations = after


@pytest.mark.parametrize("case", range(10))
@pytest.mark.parametrize("kind", KINDS)
def test_surviving_operations_are_the_authors(golden, case, kind):
    case = golden("pdarts_derive.json")[case]
    for number, weights, operations, after in stages_of(case, kind):
        ours = schedule.surviving_operations(
            weights, operations, keep=(5, 3, 1)[number], final=number == 2
        )
        assert ours == after


@pytest.mark.parametrize("case", range(10))
def test_pdarts_is_the_authors_for_every_limit(golden, case):
    case = golden("pdarts_derive.json")[case]
    derived = {}
    for kind in KINDS:
        *_, (_, weights, operations, _) = stages_of(case, kind)
        derived[kind] = (weights, operations)
        free = derivation.pdarts(*derived[kind])
        assert pairs(free) == case["genotype_unrestricted"][kind]
    *steps, last = derivation.skip_restrictions(*derived["normal"])
    assert skips(steps[0]) == case["skips_unrestricted"]
    assert skips(last) == 0
    for limit, expected in case["restricted"].items():
        cell = derivation.pdarts(*derived["normal"], max_skips=int(limit))
        assert pairs(cell) == expected["normal"]
        assert skips(cell) == expected["actual_skips"]


def test_pdarts_breaks_ties_towards_the_later_edge_and_operation():
    cell = derivation.pdarts(np.full((14, 3), 1 / 3), (PRIMITIVES[3:6],) * 14)
    later = [0, 1, 1, 2, 2, 3, 3, 4]
    assert pairs(cell) == [["sep_conv_5x5", source] for source in later]


def test_a_skip_that_nothing_can_replace_stays():
    operations = (("none", "skip_connect"),) * 2
    cell = derivation.pdarts(
        [[0.4, 0.6], [0.5, 0.5]], operations, nodes=1, max_skips=0
    )
    assert skips(cell) == 2


@pytest.mark.parametrize(
    ("final", "expected"), [(False, ("none", "b")), (True, ("b",))]
)
def test_none_competes_until_the_final_stage(final, expected):
    (kept,) = schedule.surviving_operations(
        [[0.6, 0.1, 0.3]],
        [("none", "a", "b")],
        keep=len(expected),
        final=final,
    )
    assert kept == expected


@pytest.mark.parametrize("keep", [0, 4])
def test_surviving_operations_refuses_an_impossible_number(keep):
    with pytest.raises(UserError, match=f"^keep={keep}: use 1 to 3"):
        schedule.surviving_operations(
            [[0.6, 0.1, 0.3]], [("none", "a", "b")], keep
        )


# === FairDARTS ===


@pytest.mark.parametrize("case", range(10))
def test_fair_darts_without_threshold_is_the_authors(golden, case):
    case = golden("fairdarts_derive.json")[case]
    cell = derivation.top2(case["sigmoid"], WITHOUT_NONE)
    assert pairs(cell) == case["darts"]


@pytest.mark.parametrize("case", range(10))
@pytest.mark.parametrize(
    ("derive", "name"),
    [
        (derivation.threshold_node, "threshold_sparse"),
        (derivation.threshold_edge, "threshold_edge"),
    ],
)
def test_thresholds_are_the_authors(golden, case, derive, name):
    case = golden("fairdarts_derive.json")[case]
    cell, warning = derive(case["sigmoid"], WITHOUT_NONE)
    if all(source > 1 for _, _, source in case[name]):
        # Nothing is connected to the inputs; the authors' code would stop.
        assert "two strongest edges" in warning
        assert pairs(cell) == case["darts"]
    else:
        assert not warning
        assert triples(cell) == case[name]


def test_the_threshold_itself_is_kept():
    weights = at({(0, 2, "skip_connect"): 0.85}, PRIMITIVES[1:])
    cell, _ = derivation.threshold_node(weights, WITHOUT_NONE[:5], nodes=2)
    assert cell == Cell((Edge("skip_connect", 0, 2),), (2,))


def test_edges_from_absent_nodes_are_inert():
    """Node 2 has no input, so node 3 has none, and only node 4 is output."""
    strong = {
        (2, 3, "sep_conv_3x3"): 0.9,
        (0, 4, "dil_conv_3x3"): 0.95,
        (3, 4, "skip_connect"): 0.9,
    }
    weights = at(strong, PRIMITIVES[1:], nodes=3)
    cell, warning = derivation.threshold_node(
        weights, WITHOUT_NONE[:9], nodes=3
    )
    assert triples(cell) == [
        ["sep_conv_3x3", 3, 2],
        ["dil_conv_3x3", 4, 0],
        ["skip_connect", 4, 3],
    ]
    assert cell.concat == (4,)
    assert not warning
    Genotype("darts", normal=cell, reduce=cell).validate()


@pytest.mark.parametrize(
    "derive", [derivation.threshold_node, derivation.threshold_edge]
)
def test_when_nothing_passes_the_threshold_is_given_up_and_said(derive):
    weights = derivation.sigmoid(np.zeros((14, 7)))
    cell, warning = derive(weights, WITHOUT_NONE)
    assert cell == derivation.top2(weights, WITHOUT_NONE)
    assert "0.85" in warning
    assert "\n" not in warning


# === Bad input ===


def test_a_wrong_number_of_edges_is_refused():
    with pytest.raises(UserError, match="a cell of 4 nodes needs 14 rows"):
        derivation.top2(np.ones((5, 8)), ALL[:5])


def test_an_edge_of_none_alone_is_refused():
    with pytest.raises(UserError, match="^operations: .*only none"):
        derivation.top2(np.ones((2, 1)), (("none",),) * 2, nodes=1)
