"""The authors' names of evaluation networks, converted in both directions."""

import numpy as np
import pytest
from published import published

import tfnas
from tfnas import convert
from tfnas.errors import UserError
from tfnas.genotype import Cell, Edge, Genotype

TINY = {"channels": 16, "cells": 3}


def mixed_attentions():
    """Attentions as operations and a second operation (Att-DARTS)."""
    edges = (
        Edge("se", 0, 2, "sep_conv_3x3"),
        Edge("bam", 1, 2, "identity"),
        Edge("cbam", 2, 3, "ge_theta_plus"),
        Edge("max_pool_3x3", 0, 3, "double_attention"),
    )
    cell = Cell(edges, (2, 3), "se")
    return Genotype("darts", normal=cell, reduce=cell)


# Of each genotype, names as the authors' classes make them; an ending in "."
# stands for all names that start so, and "-" for a name that must not exist.
NAMES = {
    "DARTS_V2": """
        stem.0.weight stem.1.running_var classifier.bias
        cells.0._ops.7.op.1.weight cells.0._ops.7.op.3.bias
        cells.0.preprocess0.op.1.weight
        cells.2.preprocess0.conv_1.weight cells.2.preprocess0.bn.weight
        -cells.0._ops.5. -cells.1._ops.0. -cells.1._ops.2.
        auxiliary_head.features.2.weight auxiliary_head.features.6.running_mean
        auxiliary_head.classifier.weight
    """,
    "AmoebaNet": "cells.1._ops.8.1.weight cells.2._ops.8.3.running_var",
    "DCO_EDGE_BS_64": """
        cells.0._ops.2.0.0. cells.0._ops.2.0.1. -cells.0._ops.2.0.2.
        cells.1._ops.5.
    """,
    "Att_DARTS": """
        cells.0._first_layers.0.op.7.weight
        cells.0._second_layers.0._mask.convA.weight
        cells.0._second_layers.1._mask.SpatialAttention.spatial.bn.running_mean
        cells.1._second_layers.0._mask.channel_att.gate_c.gate_c_bn_1.weight
        -cells.0._bottleneck. -cells.0._ops.
    """,
}


def names_of(network):
    return set(convert.to_authors(network))


def assert_there_and_back(network):
    generator = np.random.default_rng(0)
    ours = {
        variable.path: generator.normal(size=variable.shape)
        for variable in network.variables
    }
    named = convert.to_authors(network, ours)
    back = convert.from_authors(network, named)
    assert back.keys() == ours.keys()
    for path, array in ours.items():
        np.testing.assert_array_equal(back[path], array)


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    network = tfnas.build_network(published(name), auxiliary=True, **TINY)
    names = names_of(network)
    for wanted in NAMES[name].split():
        prefix = wanted.removeprefix("-")
        found = [
            name
            for name in names
            if name == prefix or (prefix[-1] == "." and name.startswith(prefix))
        ]
        assert bool(found) != wanted.startswith("-"), wanted
    assert_there_and_back(network)


def test_names_of_an_imagenet_network():
    network = tfnas.build_network(
        published("DARTS_V2"),
        stem="imagenet",
        input_shape=(32, 32, 3),
        auxiliary=True,
        **TINY,
    )
    names = names_of(network)
    assert {name for name in names if name.startswith("stem")} == {
        f"{module}.{leaf}"
        for module, convolution, norm in (
            ("stem0", 0, 1),
            ("stem0", 3, 4),
            ("stem1", 1, 2),
        )
        for leaf in (
            f"{convolution}.weight",
            f"{norm}.weight",
            f"{norm}.bias",
            f"{norm}.running_mean",
            f"{norm}.running_var",
        )
    }
    assert "cells.0.preprocess0.conv_2.weight" in names
    assert "auxiliary_head.features.5.weight" in names
    assert not [name for name in names if "features.6" in name]
    assert_there_and_back(network)


def test_names_of_mixed_attentions():
    network = tfnas.build_network(mixed_attentions(), **TINY)
    names = names_of(network)
    first = "cells.0._first_layers"
    assert f"{first}.0._mask.excitation.0.weight" in names
    # A reduction cell has a place for a reduction before every attention.
    first = "cells.1._first_layers"
    assert f"{first}.0.0.conv_1.weight" in names
    assert f"{first}.0.0.bn.running_mean" in names
    assert f"{first}.0.0.bn.weight" not in names
    assert f"{first}.0.1._mask.excitation.0.weight" in names
    assert f"{first}.2.1._mask.SpatialAttention.spatial.conv.weight" in names
    second = "cells.1._second_layers"
    assert f"{second}.0.op.1.weight" in names
    assert f"{second}.2._mask.downop.dwconv.weight" in names
    assert not [name for name in names if name.startswith(f"{second}.1")]
    assert "cells.1._bottleneck._mask.excitation.2.weight" in names
    assert_there_and_back(network)


# === Refusals ===


@pytest.fixture(scope="module")
def network():
    return tfnas.build_network(published("DARTS_V2"), **TINY)


def refuse(network, arrays, message):
    before = network.get_weights()
    with pytest.raises(UserError, match=message) as error:
        convert.load_authors_weights(network, arrays)
    assert "\n" not in str(error.value)
    for value, kept in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, kept)


def test_loading_is_strict(network):
    arrays = convert.to_authors(network)
    convert.load_authors_weights(network, arrays)
    name = "cells.0._ops.7.op.1.weight"
    refuse(
        network, arrays | {"auxiliary_head.classifier.bias": 0}, "^auxiliary_h"
    )
    refuse(
        network,
        arrays | {name: np.zeros((16, 1, 5, 5))},
        f"^{name}: has shape ",
    )
    del arrays[name]
    refuse(network, arrays, f"^{name}: missing, needed for cell_00/node_5/edge")


def test_there_are_no_weights_for_the_mobile_space():
    genotype = Genotype("mobile", layers=("skip",) * 19)
    network = tfnas.build_network(genotype, channels=8)
    with pytest.raises(UserError, match="^mobile_network: the authors have no"):
        convert.to_authors(network)
