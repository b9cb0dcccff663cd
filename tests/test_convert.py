"""The authors' names and layouts and ours, converted in both directions."""

import numpy as np
import pytest
from parity import RECORD, part, recorded_supernet

from tfnas import convert
from tfnas.errors import UserError
from tfnas.networks.supernet import Supernet

# Two of the names of one batch norm: max_pool_3x3 of edges 0 and 2, which
# both leave state 0.
SHARED = (
    "cells.0._ops.0._ops.1.1.running_mean",
    "cells.0._ops.2._ops.1.1.running_mean",
)


@pytest.fixture(scope="module")
def supernet():
    operations = {
        "normal": [
            ["none", "max_pool_3x3", "sep_conv_3x3"],
            ["sep_conv_3x3", "skip_connect", "dil_conv_5x5"],
            ["dil_conv_5x5", "max_pool_3x3", "none"],
            ["skip_connect", "none", "avg_pool_3x3"],
            ["sep_conv_3x3", "sep_conv_5x5", "none"],
        ],
        "reduce": [["skip_connect", "dil_conv_3x3", "avg_pool_3x3"]] * 5,
    }
    return Supernet(
        input_shape=(8, 8, 1),
        channels=2,
        cells=4,
        nodes=2,
        operations=operations,
        dtype="float64",
    )


@pytest.fixture
def arrays(supernet):
    """Random values under the authors' names, equal where they must be."""
    generator = np.random.default_rng(0)
    values = {v.path: generator.normal(size=v.shape) for v in all_but(supernet)}
    return convert.to_authors(supernet, values)


def all_but(supernet):
    """All variables but alpha."""
    alphas = {v.path for v in supernet.architecture.values()}
    return [v for v in supernet.variables if v.path not in alphas]


def assert_same(actual, expected):
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(actual[name], value, err_msg=name)


# === Both directions ===


def test_the_record_has_exactly_our_names(golden):
    record = golden(RECORD)
    arrays = part(record, "param/") | part(record, "buffer/")
    supernet = recorded_supernet(record, "float32")
    back = convert.to_authors(supernet)
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_allclose(back[name], array, rtol=1e-7, err_msg=name)


def test_there_and_back(supernet, arrays):
    ours = convert.from_authors(supernet, arrays)
    assert ours.keys() == {v.path for v in all_but(supernet)}
    assert_same(convert.to_authors(supernet, ours), arrays)
    assert_same(
        convert.from_authors(supernet, convert.to_authors(supernet, ours)), ours
    )


def test_gradients_alone(supernet):
    gradients = {v.path: v.numpy() for v in supernet.weight_variables}
    named = convert.to_authors(supernet, gradients)
    assert not [name for name in named if "running" in name]
    assert_same(convert.from_authors(supernet, named), gradients)


def test_alpha_has_the_authors_name(supernet):
    alphas = {name: v.numpy() for name, v in supernet.architecture.items()}
    ours = convert.from_authors(supernet, alphas)
    assert ours.keys() == {v.path for v in supernet.architecture.values()}
    assert_same(convert.to_authors(supernet, ours), alphas)


def test_edges_of_one_state_lie_side_by_side(supernet, arrays):
    ours = convert.from_authors(supernet, arrays)
    mixed = supernet.cells[0].outgoing[1].mixed
    layer = mixed.candidates["dil_conv_5x5"]
    np.testing.assert_array_equal(
        ours[layer.pointwise.path][0, 0],
        arrays["cells.0._ops.1._ops.2.op.2.weight"][:, :, 0, 0].T,
    )
    cell = next(cell for cell in supernet.cells if cell.reduction)
    index = supernet.cells.index(cell)
    wide = ours[
        cell.outgoing[0].mixed.candidates["dil_conv_3x3"].depthwise.path
    ]
    for place, edge in enumerate((0, 2)):
        name = f"cells.{index}._ops.{edge}._ops.1.op.1.weight"
        channels = slice(4 * place, 4 * place + 4)
        np.testing.assert_array_equal(
            wide[:, :, channels, 0], arrays[name][:, 0].transpose(1, 2, 0)
        )


def test_loading_sets_every_variable(supernet, arrays):
    alphas = {name: v.numpy() for name, v in supernet.architecture.items()}
    counters = {"stem.1.num_batches_tracked": np.array(3)}
    convert.load_authors_weights(supernet, arrays | counters)
    assert_same(convert.to_authors(supernet), arrays)
    for name, value in alphas.items():
        np.testing.assert_array_equal(supernet.architecture[name], value)
    alphas = {name: value + 1 for name, value in alphas.items()}
    convert.load_authors_weights(supernet, arrays | alphas)
    for name, value in alphas.items():
        np.testing.assert_array_equal(supernet.architecture[name], value)


# === Refusals ===


def refuse(function, message):
    with pytest.raises(UserError, match=message) as error:
        function()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "function", [convert.from_authors, convert.load_authors_weights]
)
class TestRefusals:
    def test_unknown_name(self, supernet, arrays, function):
        arrays["classifier.wait"] = np.zeros(3)
        refuse(lambda: function(supernet, arrays), r"^classifier\.wait: ")

    def test_part_of_a_variable(self, supernet, arrays, function):
        del arrays[SHARED[1]]
        refuse(
            lambda: function(supernet, arrays), f"^{SHARED[1]}: .*{SHARED[0]}"
        )

    def test_disagreement(self, supernet, arrays, function):
        arrays[SHARED[1]] = arrays[SHARED[1]] + 1
        refuse(
            lambda: function(supernet, arrays), f"^{SHARED[1]}: .*{SHARED[0]}"
        )

    def test_wrong_shape(self, supernet, arrays, function):
        arrays["classifier.weight"] = arrays["classifier.weight"][:, :-1]
        refuse(
            lambda: function(supernet, arrays),
            r"^classifier\.weight: .*classifier/kernel",
        )

    def test_wrong_rank(self, supernet, arrays, function):
        arrays["stem.0.weight"] = arrays["stem.0.weight"].ravel()
        refuse(lambda: function(supernet, arrays), r"^stem\.0\.weight: ")

    def test_edges_of_different_shapes(self, supernet, arrays, function):
        index = next(i for i, c in enumerate(supernet.cells) if c.reduction)
        name = f"cells.{index}._ops.2._ops.1.op.1.weight"
        arrays[name] = np.zeros((4, 1, 5, 5))
        refuse(lambda: function(supernet, arrays), f"^{name}: ")


def test_a_missing_name_is_named_and_nothing_is_loaded(supernet, arrays):
    before = supernet.get_weights()
    del arrays["classifier.bias"]
    refuse(
        lambda: convert.load_authors_weights(supernet, arrays),
        r"^classifier\.bias: missing.*classifier/bias",
    )
    for value, kept in zip(supernet.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, kept)


def test_an_unknown_path_is_named(supernet):
    refuse(
        lambda: convert.to_authors(supernet, {"stem/colonel": np.zeros(3)}),
        "^stem/colonel: ",
    )
