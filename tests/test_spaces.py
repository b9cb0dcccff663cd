"""The DARTS space in the authors' order; what every space says of itself."""

import importlib
import math

import numpy as np
import pytest

import tfnas
from tfnas import cost, methods, networks, spaces
from tfnas.errors import UserError
from tfnas.genotype.schema import PARTS
from tfnas.networks.search_network import SearchNetwork
from tfnas.runs import summary
from tfnas.spaces import darts


def test_primitives_are_the_authors():
    # https://github.com/quark0/darts, cnn/genotypes.py
    assert darts.PRIMITIVES == (
        "none",
        "max_pool_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "sep_conv_3x3",
        "sep_conv_5x5",
        "dil_conv_3x3",
        "dil_conv_5x5",
    )


def test_edges_are_listed_node_by_node():
    edges = darts.edges(4)
    # The authors read the edges of a node as a slice [start, start + n),
    # where n = 2, 3, 4, 5.
    assert len(edges) == 14
    assert edges[:2] == ((0, 2), (1, 2))
    assert edges[5:9] == ((0, 4), (1, 4), (2, 4), (3, 4))
    assert [to for _, to in edges[9:]] == [5] * 5


@pytest.mark.parametrize("nodes", [1, 3, 7])
def test_every_earlier_state_has_one_edge(nodes):
    edges = darts.edges(nodes)
    assert len(set(edges)) == len(edges) == nodes * (nodes + 3) // 2
    assert all(source < to for source, to in edges)


@pytest.mark.parametrize(
    ("cells", "positions"),
    # DARTS searches with 8 cells and trains 20 (CIFAR-10) or 14 (ImageNet);
    # P-DARTS searches with 5, 11 and 17.
    [(8, (2, 5)), (20, (6, 13)), (14, (4, 9)), (5, (1, 3)), (17, (5, 11))],
)
def test_reductions_are_at_a_third_and_two_thirds(cells, positions):
    assert darts.reductions(cells) == positions


def test_spaces_by_name():
    assert set(spaces.names()) == {"darts", "mobile", "nasbench201"}


# === Every space ===

EACH = pytest.mark.parametrize("name", spaces.names())
SMALL = {"input_shape": (8, 8, 1), "classes": 3, "channels": 4, "cells": 3}


def method(name):
    return methods.get("darts").with_flags({"space": name})


def drawn(name):
    space = spaces.get(name)
    choices = space.choices().items()
    chosen = {k: of[i % len(of)] for i, (k, of) in enumerate(choices)}
    return space.genotype(chosen, {"method": "random"})


def parameters(variables):
    return sum(math.prod(v.shape) for v in variables)


@EACH
def test_the_registries_have_what_a_space_needs(name):
    assert cost.COSTS.keys() == PARTS.keys() == set(spaces.names())
    assert networks.SUPERNETS.keys() == networks.BUILDERS.keys() == PARTS.keys()
    for path in (networks.SUPERNETS[name], networks.BUILDERS[name]):
        module, _, found = path.rpartition(".")
        assert hasattr(importlib.import_module(module), found)


@EACH
def test_a_supernet_is_of_its_space_and_costs_what_it_holds(name):
    supernet = networks.build_supernet(method(name), **SMALL)
    assert isinstance(supernet, SearchNetwork)
    assert supernet.space is spaces.get(name)
    assert set(supernet.operations) == set(PARTS[name])
    for part, rows in supernet.operations.items():
        alphas = supernet.architecture[f"alphas_{part}"]
        assert alphas.shape == np.shape(rows)
        assert len(rows) == len(supernet.space.edges(supernet.nodes))
    found = supernet.derive().validate()
    assert found.space == name
    assert supernet.cost().parameters == parameters(supernet.weight_variables)


@EACH
def test_a_network_costs_what_it_holds(name):
    genotype = drawn(name)
    assert genotype.provenance == {"method": "random"}
    network = tfnas.build_network(genotype, **SMALL)
    counted = cost.built_cost(genotype, **SMALL)
    assert parameters(network.trainable_variables) == counted.parameters


@EACH
def test_the_network_of_a_summary_costs_what_it_says(name):
    genotype = drawn(name)
    images = {"input_shape": (8, 8, 1), "classes": 3}
    said = summary.network_of_paper(genotype, channels=8, **images)
    size = {k: said.pop(k) for k in ("channels", "cells")}
    assert said == vars(cost.built_cost(genotype, **size, **images))


@EACH
def test_candidates_are_checked_alike(name):
    space, wrong = spaces.get(name), {}
    part = PARTS[name][0]
    wrong["unknown 'nothing'"] = ["nothing"]
    wrong["at least 1"] = []
    wrong["lists of equal length"] = {p: [["none"]] * 2 for p in PARTS[name]}
    for message, operations in wrong.items():
        with pytest.raises(UserError, match=message) as error:
            space.per_edge(operations)
        assert str(error.value).startswith(f"operations['{part}']: ")


@EACH
def test_a_space_refuses_in_a_sentence_what_it_cannot_do(name):
    space = spaces.get(name)
    assert not space.cannot.keys() & darts.SPACE.cannot.keys()
    for feature in space.cannot:
        assert not space.can(feature)
        with pytest.raises(UserError, match=f"--space={name}"):
            space.check(feature)
    space.check("be anything else")


def test_the_variables_of_a_mobile_supernet_keep_their_paths():
    """Checkpoints and weights are keyed by them."""
    changed = method("mobile").with_flags({"beta_decay": 25.0})
    supernet = networks.build_supernet(changed, **SMALL)
    paths = [v.path for v in supernet.variables]
    assert paths[:2] == [
        "mobile_supernet/alphas_layers",
        "mobile_supernet/beta_decay_weight",
    ]
    assert "mobile_supernet/stem/convolution" in paths
    assert "mobile_supernet/layer_18/mb_3x3_e3/expand" in paths
    assert paths[-1] == "mobile_supernet/classifier/bias"
