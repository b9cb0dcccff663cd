"""Counted costs against what the authors' own networks were measured to be."""

import pytest
from published import COUNTS, RUNS, published

from tfnas.cost import Cost, network_cost, supernet_cost
from tfnas.errors import UserError
from tfnas.genotype import ATTENTIONS, Cell, Edge, Genotype
from tfnas.spaces.darts import PRIMITIVES, edges


def supernet(*names, **changes):
    candidates = [names or PRIMITIVES] * len(edges())
    return supernet_cost(
        {"normal": candidates, "reduce": candidates}, **changes
    )


# === Evaluation networks ===


@pytest.mark.parametrize(
    ("name", "run"),
    [(name, run) for name in COUNTS for run in COUNTS[name]["counts"]],
)
def test_published_genotypes_cost_what_the_authors_networks_do(name, run):
    expected = COUNTS[name]["counts"][run]
    # Of all authors, only P-DARTS norms its ImageNet head a second time.
    method = "pdarts" if name == "PDARTS" else "darts"
    genotype = published(name, method=method)
    cost = network_cost(genotype, **RUNS[run])
    assert cost == Cost(expected["parameters"], expected["multiply_adds"])

    auxiliary = network_cost(genotype, auxiliary=True, **RUNS[run])
    head = auxiliary.parameters - cost.parameters
    assert head == expected["auxiliary"]


def test_all_published_genotypes_are_there():
    assert len(COUNTS) == 38


def test_an_inert_edge_costs_nothing():
    inside = (Edge("sep_conv_3x3", 0, 4), Edge("skip_connect", 1, 4))
    inert = Edge("sep_conv_5x5", 3, 4)
    costs = [
        network_cost(Genotype("darts", normal=cell, reduce=cell))
        for cell in (Cell(inside, (4,)), Cell((*inside, inert), (4,)))
    ]
    assert costs[0] == costs[1]


def test_odd_maps_are_rounded_up():
    genotype = published("DARTS_V2")
    odd, even = (
        network_cost(genotype, input_shape=(size, size, 3)) for size in (29, 32)
    )
    assert odd.parameters == even.parameters
    # 29, 15 and 8 pixels in place of 32, 16 and 8.
    share = odd.multiply_adds / even.multiply_adds
    assert (29 / 32) ** 2 < share < 1


def test_only_the_stem_sees_the_colors():
    genotype = published("DARTS_V2")
    gray, color = (
        network_cost(genotype, input_shape=(32, 32, colors))
        for colors in (1, 3)
    )
    weights = 2 * 9 * 3 * 36
    assert color.parameters - gray.parameters == weights
    assert color.multiply_adds - gray.multiply_adds == weights * 32 * 32


# === Supernets ===


@pytest.mark.parametrize(
    ("parameters", "changes"),
    [
        (1_930_618, {}),
        (1_953_748, {"classes": 100}),
        (597_890, {"channels": 8}),
        (207_094, {"channels": 4}),
        (72_854, {"channels": 4, "cells": 3}),
        (1_275_834, {"cells": 5}),
        (2_585_146, {"cells": 11}),
        (3_894_202, {"cells": 17}),
        (299_578, {"partial": 4}),
        (3_309_282, {"edge_attentions": ATTENTIONS}),
        (2_633_090, {"cell_attentions": ATTENTIONS}),
        (
            4_011_754,
            {"edge_attentions": ATTENTIONS, "cell_attentions": ATTENTIONS},
        ),
    ],
)
def test_supernets_have_the_parameters_of_the_authors(parameters, changes):
    assert supernet(**changes).parameters == parameters


@pytest.mark.parametrize(
    ("parameters", "cells", "names"),
    [
        (
            1_239_130,
            11,
            (
                "none",
                "max_pool_3x3",
                "skip_connect",
                "sep_conv_3x3",
                "dil_conv_3x3",
            ),
        ),
        (2_585_146, 11, PRIMITIVES[3:]),
        (1_861_402, 17, ("skip_connect", "sep_conv_3x3", "dil_conv_3x3")),
    ],
)
def test_later_stages_of_pdarts_cost_what_their_operations_do(
    parameters, cells, names
):
    assert supernet(*names, cells=cells).parameters == parameters


@pytest.mark.parametrize(
    ("millions", "changes"), [(300.26, {}), (56.6, {"partial": 4})]
)
def test_supernets_have_the_multiply_adds_of_the_authors(millions, changes):
    digits = len(str(millions).partition(".")[2])
    assert round(supernet(**changes).multiply_adds / 1e6, digits) == millions


def test_candidates_may_differ_from_edge_to_edge():
    """Every edge's part is its own: the parts add up to the whole."""
    free = [("none",)] * 14
    nothing = supernet("none")
    total = nothing
    for kind in ("normal", "reduce"):
        for edge in range(14):
            operations = {"normal": list(free), "reduce": list(free)}
            operations[kind][edge] = PRIMITIVES
            cost = supernet_cost(operations)
            total += Cost(
                cost.parameters - nothing.parameters,
                cost.multiply_adds - nothing.multiply_adds,
            )
    assert total == supernet()


# === Attentions ===


@pytest.mark.parametrize(
    ("channels", "size", "parameters"),
    [
        (16, 32, (32, 96, 149, 16448, 284)),
        (36, 32, (144, 351, 282, 37080, 1359)),
    ],
)
def test_attention_modules_have_the_parameters_of_the_authors(
    channels, size, parameters
):
    """Of three cells only the first is normal, and it has the full map."""
    for name, expected in zip(ATTENTIONS[1:], parameters, strict=True):
        plain, attended = (
            Cell((Edge("skip_connect", 0, 2, attention),), (2,))
            for attention in (None, name)
        )
        costs = [
            network_cost(
                Genotype("darts", normal=normal, reduce=plain),
                input_shape=(size, size, 3),
                channels=channels,
                cells=3,
            )
            for normal in (plain, attended)
        ]
        assert costs[1].parameters - costs[0].parameters == expected


# === Bad input ===


def test_an_unknown_stem_is_refused():
    with pytest.raises(UserError, match="^stem=svhn: use one of cifar, image"):
        network_cost(published("DARTS_V2"), stem="svhn")


def test_a_missing_edge_is_refused():
    full = [PRIMITIVES] * 14
    with pytest.raises(UserError, match="^operations.reduce: 13 edges"):
        supernet_cost({"normal": full, "reduce": full[1:]})


def test_an_unknown_operation_is_refused():
    with pytest.raises(UserError, match="unknown operation 'sep_conv_9x9'"):
        supernet("sep_conv_9x9")
