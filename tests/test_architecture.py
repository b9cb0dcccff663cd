"""The architecture's variables: which there are, and what they derive."""

import numpy as np
import pytest

from tfnas import methods
from tfnas.genotype import ATTENTIONS, Genotype
from tfnas.networks.architecture import Architecture
from tfnas.spaces.attention import OPERATIONS_AND_ATTENTIONS
from tfnas.spaces.darts import KINDS, PRIMITIVES, edges

BOTH = OPERATIONS_AND_ATTENTIONS


def architecture(method, nodes=2, operations=None, **flags):
    method = methods.get(method).with_flags(flags)
    rows = [list(operations or method.operations)] * len(edges(nodes))
    layer = Architecture(method, dict.fromkeys(KINDS, rows), nodes)
    layer.build()
    return layer


def assign(variable, strong, fill=0.0):
    """Put large numbers at some places: {index: value}."""
    values = np.full(variable.shape, fill)
    for place, value in strong.items():
        values[place] = value
    variable.assign(values)


def row(source, to, nodes=2):
    return edges(nodes).index((source, to))


def sources(cell, to):
    return {edge.source for edge in cell.edges if edge.to == to}


# === Variables ===


@pytest.mark.parametrize(
    ("method", "flags", "shapes"),
    [
        ("darts", {}, {"alphas": (14, 8)}),
        ("fair_darts", {}, {"alphas": (14, 7)}),
        ("pc_darts", {}, {"alphas": (14, 8), "edges": (14,)}),
        ("att_darts", {}, {"alphas": (14, 8), "betas": (14, 6)}),
        (
            "att_darts",
            {"attention": "end"},
            {"alphas": (14, 8), "gammas": (6,)},
        ),
        (
            "pc_darts",
            {"attention": "after_every_and_end"},
            {
                "alphas": (14, 8),
                "betas": (14, 6),
                "edges": (14,),
                "gammas": (6,),
            },
        ),
    ],
)
def test_a_method_has_the_variables_it_asks_for(method, flags, shapes):
    variables = architecture(method, nodes=4, **flags).by_name()
    expected = {
        f"{name}_{kind}": shape
        for name, shape in shapes.items()
        for kind in KINDS
    }
    assert {k: tuple(v.shape) for k, v in variables.items()} == expected
    assert list(variables) == list(expected)
    assert [v.path for v in variables.values()] == [
        f"architecture/{name}" for name in expected
    ]


def test_alpha_begins_as_the_authors_draw_it():
    alpha = architecture("darts", nodes=20).by_name()["alphas_normal"].numpy()
    assert alpha.std() == pytest.approx(1e-3, rel=0.1)
    assert abs(alpha.mean()) < 1e-4
    fair = architecture("fair_darts").by_name()
    assert not any(v.numpy().any() for v in fair.values())


def test_each_kind_of_weight_is_relaxed_in_its_own_way():
    layer = architecture("pc_darts", attention="after_every_and_end")
    for variable in layer.by_name().values():
        variable.assign(np.random.default_rng(0).normal(size=variable.shape))
    for weights in layer.mixing_weights().values():
        for name in ("alphas", "betas"):
            np.testing.assert_allclose(weights[name].numpy().sum(1), 1, 1e-6)
        assert weights["gammas"].numpy().sum() == pytest.approx(1)
        into = weights["edges"].numpy()
        assert into[:2].sum() == pytest.approx(1)
        assert into[2:].sum() == pytest.approx(1)
    fair = architecture("fair_darts").mixing_weights()
    assert (fair["normal"]["alphas"].numpy() == 0.5).all()


# === Derivation ===


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_of_edges_decide_which_stay(kind):
    """PC-DARTS: alpha alone would keep the edges from states 0 and 1."""
    layer = architecture("pc_darts")
    sep = PRIMITIVES.index("sep_conv_3x3")
    strong = {(row(0, 3), sep): 2.0, (row(1, 3), sep): 1.5}
    for one in KINDS:
        assign(layer.alphas[one], strong | {(row(2, 3), sep): 1.0})
        assign(layer.edges[one], {})
    assert sources(getattr(layer.derive(), kind), 3) == {0, 1}
    assign(layer.edges[kind], {row(0, 3): -3.0})
    genotype = layer.derive()
    assert sources(getattr(genotype, kind), 3) == {1, 2}
    other = next(k for k in KINDS if k != kind)
    assert sources(getattr(genotype, other), 3) == {0, 1}


def test_betas_give_the_attention_of_edges_and_gammas_that_of_cells():
    layer = architecture("att_darts", attention="after_every_and_end")
    for shift, kind in enumerate(KINDS):
        assign(layer.alphas[kind], {})
        chosen = [(r + shift) % len(ATTENTIONS) for r in range(5)]
        assign(layer.betas[kind], {(r, c): 1.0 for r, c in enumerate(chosen)})
        assign(layer.gammas[kind], {3 + shift: 1.0})
    genotype = layer.derive()
    for shift, kind in enumerate(KINDS):
        cell = getattr(genotype, kind)
        for edge in cell.edges:
            place = (row(edge.source, edge.to) + shift) % len(ATTENTIONS)
            assert edge.attention == ATTENTIONS[place]
        assert cell.attention == ATTENTIONS[3 + shift]
    assert Genotype.from_json(genotype.to_json()) == genotype


@pytest.mark.parametrize("method", ["darts", "att_darts"])
def test_without_betas_and_gammas_there_is_no_attention(method):
    layer = architecture(method, attention="none")
    for kind in KINDS:
        cell = getattr(layer.derive(), kind)
        assert cell.attention is None
        assert {edge.attention for edge in cell.edges} == {None}


def test_attentions_compete_with_operations():
    layer = architecture("att_darts", operations=BOTH, attention="double_mixed")
    for kind in KINDS:
        assign(
            layer.alphas[kind],
            {(..., BOTH.index("none")): 9.0, (..., 11): 2.0},
        )
        assign(
            layer.betas[kind],
            {(..., BOTH.index("none")): 9.0, (..., 5): 2.0},
        )
    genotype = layer.derive()
    for kind in KINDS:
        for edge in getattr(genotype, kind).edges:
            assert (edge.op, edge.attention) == (BOTH[11], BOTH[5])
    assert Genotype.from_json(genotype.to_json()) == genotype


def test_a_threshold_that_nothing_reaches_is_said_in_the_provenance():
    layer = architecture("fair_darts")
    names = methods.get("fair_darts").operations
    assign(layer.alphas["reduce"], {(0, 3): 4.0})
    genotype = layer.derive()
    assert genotype.provenance.keys() == {"fallback_normal"}
    assert "0.85" in genotype.provenance["fallback_normal"]
    assert len(genotype.normal.edges) == 4
    (edge,) = genotype.reduce.edges
    assert (edge.op, edge.source, edge.to) == (names[3], 0, 2)
    assert Genotype.from_json(genotype.to_json()) == genotype


def test_p_darts_limits_the_skips_of_the_normal_cell_alone():
    layer = architecture("pdarts", nodes=4)
    for kind in KINDS:
        assign(
            layer.alphas[kind], {(..., PRIMITIVES.index("skip_connect")): 3.0}
        )
    genotype = layer.derive()
    counts = genotype.operation_counts()
    assert counts["normal"]["skip_connect"] == 2
    assert counts["reduce"] == {"skip_connect": 8}


def test_each_edge_may_have_candidates_of_its_own():
    """P-DARTS's later stages: a column means what its row's names say."""
    rows = [["skip_connect", "sep_conv_3x3"], ["none", "dil_conv_5x5"]]
    layer = Architecture(
        methods.get("pdarts"), {"normal": rows, "reduce": rows[::-1]}, nodes=1
    )
    layer.build()
    for kind in KINDS:
        assign(layer.alphas[kind], {(0, 0): 1.0, (1, 0): 1.0})
    genotype = layer.derive()
    ops = [[e.op for e in getattr(genotype, kind).edges] for kind in KINDS]
    assert ops == [
        ["skip_connect", "dil_conv_5x5"],
        ["dil_conv_5x5", "skip_connect"],
    ]
