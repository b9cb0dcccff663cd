"""The authors' names and layouts and ours, converted in both directions."""

import numpy as np
import pytest
from parity import KINDS, RECORD, part

from tfnas import convert
from tfnas.errors import UserError
from tfnas.genotype import ATTENTIONS
from tfnas.networks.darts.supernet import Supernet
from tfnas.spaces.attention import OPERATIONS_AND_ATTENTIONS as BOTH
from tfnas.spaces.darts import PRIMITIVES

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
    """All variables but alpha, and the rate that P-DARTS's schedule sets."""
    alphas = {v.path for v in supernet.architecture.values()}
    return [
        v
        for v in supernet.variables
        if v.path not in alphas and v.name != "skip_dropout_rate"
    ]


def assert_same(actual, expected):
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(actual[name], value, err_msg=name)


# === Both directions ===


def test_the_record_has_exactly_our_names(golden, recorded_supernet):
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


# === The names of every method's supernet ===
#
# Written out from the authors' modules, without the table of the code: what
# each operation's tensors are called, in their order of definition.

STATISTICS = ("running_mean", "running_var")
AFFINE = ("weight", "bias", *STATISTICS)
LAYER = ("weight", "bias")
SEPARABLE = ("1.weight", "2.weight", *(f"3.{s}" for s in STATISTICS))
SEPARABLE += ("5.weight", "6.weight", *(f"7.{s}" for s in STATISTICS))
REDUCE = ("conv_1.weight", "conv_2.weight", *(f"bn.{s}" for s in STATISTICS))
GATE = "spatial_att.gate_s.gate_s_"


def below(prefix, names):
    return [f"{prefix}.{name}" for name in names]


ATTENTION_NAMES = {
    "identity": [],
    "se": ["excitation.0.weight", "excitation.2.weight"],
    "bam": [
        *below("channel_att.gate_c.gate_c_fc_0", LAYER),
        *below("channel_att.gate_c.gate_c_bn_1", AFFINE),
        *below("channel_att.gate_c.gate_c_fc_final", LAYER),
        *below(f"{GATE}conv_reduce0", LAYER),
        *below(f"{GATE}bn_reduce0", AFFINE),
        *below(f"{GATE}conv_di_0", LAYER),
        *below(f"{GATE}bn_di_0", AFFINE),
        *below(f"{GATE}conv_di_1", LAYER),
        *below(f"{GATE}bn_di_1", AFFINE),
        *below(f"{GATE}conv_final", LAYER),
    ],
    "cbam": [
        *below("ChannelAttention.mlp.1", LAYER),
        *below("ChannelAttention.mlp.3", LAYER),
        "SpatialAttention.spatial.conv.weight",
        *below("SpatialAttention.spatial.bn", AFFINE),
    ],
    "ge_theta_plus": [
        "downop.dwconv.weight",
        *below("downop.bn", AFFINE),
        "mlp.0.weight",
        "mlp.2.weight",
    ],
    "double_attention": [
        f"conv{part}.{leaf}" for part in "ABVZ" for leaf in LAYER
    ],
}


def candidate(prefix, name, stride):
    """Names of one operation of an edge in a search network."""
    if name in ATTENTION_NAMES:
        own = below("_mask", ATTENTION_NAMES[name])
        if stride == 2:
            own = below("0", REDUCE) + below("1", own)
    elif name == "skip_connect":
        own = REDUCE if stride == 2 else []
    elif "pool" in name:
        own = below("1", STATISTICS)
    elif name.startswith("sep"):
        own = below("op", SEPARABLE)
    elif name.startswith("dil"):
        own = below("op", SEPARABLE[:4])
    else:
        own = []
    return below(prefix, own)


def again(prefix, name, stride):
    """Names of one operation of the second list of a doubly mixed edge.

    It has stride 1, but the authors put an identity before the attentions
    where the first list has stride 2.
    """
    if name in ATTENTION_NAMES and stride == 2:
        return below(f"{prefix}.1._mask", ATTENTION_NAMES[name])
    return candidate(prefix, name, 1)


def state_dict(operations, first, second=None, end=False):
    """Names of a search network of three cells of two nodes.

    Args:
        operations: {kind: names of each edge}.
        first: prefix of an operation, with cell k and edge e left open.
        second: from an edge's prefix and stride to its second list's names.
        end: whether attentions follow each cell's concatenation.
    """
    names = ["stem.0.weight", *below("stem.1", AFFINE)]
    preprocess = ("op.1.weight", *below("op.2", STATISTICS))
    pairs = ((0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    for k, kind in enumerate(("normal", "reduce", "reduce")):
        before = REDUCE if k == 2 else preprocess
        names += below(f"cells.{k}.preprocess0", before)
        names += below(f"cells.{k}.preprocess1", preprocess)
        for e, (source, _) in enumerate(pairs):
            stride = 2 if kind == "reduce" and source < 2 else 1
            for place, name in enumerate(operations[kind][e]):
                prefix = f"{first.format(k=k, e=e)}.{place}"
                names += candidate(prefix, name, stride)
            if second:
                names += second(f"cells.{k}.layers.{e}.second_layers", stride)
        if end:
            for t, name in enumerate(ATTENTIONS):
                prefix = f"cells.{k}.bottleneck_attns.{t}._mask"
                names += below(prefix, ATTENTION_NAMES[name])
    return names + ["classifier.weight", "classifier.bias"]


def attended(prefix, stride):
    return [
        name
        for t, attention in enumerate(ATTENTIONS)
        for name in below(f"{prefix}.{t}._mask", ATTENTION_NAMES[attention])
    ]


def mixed_again(prefix, stride):
    return [
        name
        for m, one in enumerate(BOTH)
        for name in again(f"{prefix}.{m}", one, stride)
    ]


DARTS = "cells.{k}._ops.{e}._ops"
PDARTS = "cells.{k}.cell_ops.{e}.m_ops"
ATT = "cells.{k}.layers.{e}.first_layers"
EVERY = dict.fromkeys(KINDS, [PRIMITIVES] * 5)
FAIR = dict.fromkeys(KINDS, [PRIMITIVES[1:]] * 5)
COMPETING = dict.fromkeys(KINDS, [BOTH] * 5)
# A later stage: the place of an operation is its rank among those left.
SURVIVORS = {
    "normal": [
        ["max_pool_3x3", "skip_connect", "sep_conv_3x3"],
        ["skip_connect", "sep_conv_3x3", "dil_conv_5x5"],
        ["none", "sep_conv_5x5", "dil_conv_3x3"],
        ["none", "max_pool_3x3", "avg_pool_3x3"],
        ["avg_pool_3x3", "skip_connect", "dil_conv_3x3"],
    ],
    "reduce": [
        ["none", "skip_connect", "sep_conv_5x5"],
        ["max_pool_3x3", "avg_pool_3x3", "skip_connect"],
        ["skip_connect", "dil_conv_3x3", "dil_conv_5x5"],
        ["none", "max_pool_3x3", "skip_connect"],
        ["max_pool_3x3", "sep_conv_3x3", "sep_conv_5x5"],
    ],
}
# Method, its attention, operations and the names that they should give.
SUPERNETS = {
    "fair_darts": ("fair_darts", None, None, state_dict(FAIR, DARTS)),
    "pc_darts": ("pc_darts", None, None, state_dict(EVERY, DARTS)),
    "pdarts": ("pdarts", None, None, state_dict(EVERY, PDARTS)),
    "pdarts, a later stage": (
        "pdarts",
        None,
        SURVIVORS,
        state_dict(SURVIVORS, PDARTS),
    ),
    "att_darts, none": ("att_darts", "none", None, state_dict(EVERY, ATT)),
    "att_darts, after_every": (
        "att_darts",
        None,
        None,
        state_dict(EVERY, ATT, attended),
    ),
    "att_darts, end": (
        "att_darts",
        "end",
        None,
        state_dict(EVERY, ATT, end=True),
    ),
    "att_darts, after_every_and_end": (
        "att_darts",
        "after_every_and_end",
        None,
        state_dict(EVERY, ATT, attended, end=True),
    ),
    "att_darts, mixed_with_operation": (
        "att_darts",
        "mixed_with_operation",
        None,
        state_dict(COMPETING, ATT),
    ),
    "att_darts, double_mixed": (
        "att_darts",
        "double_mixed",
        None,
        state_dict(COMPETING, ATT, mixed_again),
    ),
}


def small(method, attention=None, operations=None):
    return Supernet(
        method,
        attention=attention,
        operations=operations,
        input_shape=(8, 8, 1),
        channels=4,
        cells=3,
        nodes=2,
        dtype="float64",
    )


@pytest.mark.parametrize("case", SUPERNETS.values(), ids=SUPERNETS)
def test_the_names_of_a_supernet_are_the_authors_and_go_both_ways(case):
    method, attention, operations, expected = case
    supernet = small(method, attention, operations)
    architecture = set(supernet.architecture)
    assert len(set(expected)) == len(expected)
    stored = architecture if method == "att_darts" else set()
    named = convert.to_authors(supernet)
    assert named.keys() - set(expected) == stored
    assert named.keys() >= set(expected)
    # Other values come back, and stand for every variable.
    generator = np.random.default_rng(0)
    ours = {v.path: generator.normal(size=v.shape) for v in all_but(supernet)}
    theirs = convert.to_authors(supernet, ours)
    assert theirs.keys() == set(expected)
    assert_same(convert.from_authors(supernet, theirs), ours)
    convert.load_authors_weights(supernet, theirs)
    assert_same(convert.to_authors(supernet), named | theirs)


@pytest.mark.parametrize(
    ("method", "attention", "names"),
    [
        ("fair_darts", None, {"alphas"}),
        ("pc_darts", None, {"alphas", "betas"}),
        ("att_darts", "after_every_and_end", {"alphas", "betas", "gammas"}),
        # Both authors say beta; attentions keep it where there are some.
        ("pc_darts", "after_every", {"alphas", "betas", "edges"}),
    ],
)
def test_the_names_of_the_architecture(method, attention, names):
    supernet = small(method, attention)
    paths = {v.path: v.numpy() for v in supernet.architecture.values()}
    named = convert.to_authors(supernet, paths)
    assert named.keys() == {f"{n}_{kind}" for n in names for kind in KINDS}
    assert_same(convert.from_authors(supernet, named), paths)
    if names == {"alphas", "betas"}:  # PC-DARTS's beta has a number an edge
        assert named["betas_normal"].shape == (5,)


def test_a_part_of_the_channels_has_narrow_tensors():
    named = convert.to_authors(small("pc_darts"))
    op = "cells.{}._ops.{}._ops.{}"
    assert named[op.format(0, 0, 4) + ".op.1.weight"].shape == (1, 1, 3, 3)
    assert named[op.format(0, 0, 4) + ".op.2.weight"].shape == (1, 1, 1, 1)
    assert named[op.format(0, 0, 1) + ".1.running_var"].shape == (1,)
    # The first reduction doubles the four channels.
    assert named[op.format(1, 0, 3) + ".conv_1.weight"].shape == (1, 2, 1, 1)
    assert named["cells.1.preprocess1.op.1.weight"].shape == (8, 8, 1, 1)
