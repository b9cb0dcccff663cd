"""The DARTS supernet against the authors' network and a plain one."""

import functools
import json
import math
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from kinks import batch_far_from_kinks
from parity import KINDS, RECORD, batch, part, relative, untraced
from reference import BaselineSupernet

from tfnas import convert, methods
from tfnas.bilevel import search as bilevel
from tfnas.bilevel.hypergradient import cross_entropy
from tfnas.cost import supernet_cost
from tfnas.errors import UserError
from tfnas.networks.darts.supernet import Supernet
from tfnas.spaces.darts import PRIMITIVES

DTYPES = ("float32", "float64")
SMALLEST = {"channels": 4, "cells": 3}
ONE_NODE = {"cells": 3, "nodes": 1}


def weight_count(supernet):
    return sum(math.prod(v.shape) for v in supernet.weight_variables)


def counted(*arguments, **options):
    """A supernet for counting alone: its variables have no values."""
    with keras.StatelessScope(initialize_variables=False):
        supernet = Supernet(*arguments, **options)
    # Keras would give them values, tens of thousands, at another scope's end.
    keras.utils.clear_session()
    return supernet


def gradients(supernet, images, labels):
    """Of the loss in training mode: in w by path, and in alpha by name."""
    with tf.GradientTape() as tape:
        loss = cross_entropy(labels, supernet(images, training=True))
    variables = supernet.weight_variables, supernet.architecture.values()
    w, alpha = tape.gradient(loss, [[v.value for v in vs] for vs in variables])
    return (
        {v.path: g for v, g in zip(variables[0], w, strict=True)},
        dict(zip(supernet.architecture, alpha, strict=True)),
    )


# === Against the authors' network: 4 channels, 3 cells ===


@pytest.fixture
def record(golden):
    return golden(RECORD)


@pytest.fixture(params=DTYPES)
def supernet(request, record, recorded_supernet):
    """Float32 takes the way of a search; traced, float64 takes far longer."""
    traced = request.param == "float32"
    return recorded_supernet(record, request.param, traced)


def test_logits_with_given_statistics(supernet, record):
    images, _ = batch(record, "train", supernet.dtype)
    expected = record["eval_logits_initial_running_stats"]
    bound = {"float32": 1e-5, "float64": 1e-12}[supernet.dtype]
    assert relative(supernet(images), expected) < bound


def test_logits_with_the_statistics_of_the_batch(supernet, record):
    images, _ = batch(record, "train", supernet.dtype)
    bound = {"float32": 1e-5, "float64": 1e-12}[supernet.dtype]
    actual = supernet(images, training=True)
    assert relative(actual, record["train_logits"]) < bound


# Gradients in float64 alone: float32's rounding carries values of the record
# across the kinks of ReLUs. What float32 gives is held against float64 below.


def test_alpha_gradient(record, recorded_supernet):
    supernet = recorded_supernet(record, "float64", traced=False)
    actual = gradients(supernet, *batch(record, "valid", "float64"))[1]
    for kind in KINDS:
        expected = record[f"grad1_{kind}"]
        assert relative(actual[f"alphas_{kind}"], expected) < 1e-11


def test_weight_gradient(record, recorded_supernet):
    # The record keeps these in float32.
    supernet = recorded_supernet(record, "float64", traced=False)
    actual = gradients(supernet, *batch(record, "train", "float64"))[0]
    actual = convert.to_authors(supernet, actual)
    expected = part(record, "train_grad_w/")
    assert actual.keys() == expected.keys()
    for name, gradient in expected.items():
        assert relative(actual[name], gradient) < 1e-6, name


def test_moving_statistics(supernet, record):
    supernet(batch(record, "train", supernet.dtype)[0], training=True)
    actual = convert.to_authors(supernet)
    expected = part(record, "buffer_after_1_train_forward/")
    assert expected.keys() == {n for n in actual if ".running_" in n}
    for name, value in expected.items():
        scale = np.abs(value).max()
        if supernet.dtype == "float32":
            scale = max(scale, _rounding_scale(name, expected))
        assert np.abs(actual[name] - value).max() < 1e-5 * scale, name


def _rounding_scale(name, statistics):
    """What the rounding of a moving mean is in proportion to.

    A mean of numbers of deviation s is rounded in units of s, however near to
    zero it comes out (averages of a normalised map do), and a tenth of it
    enters the moving mean.
    """
    stem, _, kind = name.rpartition(".")
    if kind != "running_mean":
        return 0
    return 0.1 * statistics[f"{stem}.running_var"].max() ** 0.5


def test_derived_genotype(supernet, record):
    genotype = supernet.derive()
    genotype.validate()
    cells = json.loads(str(record["genotype_json"]))
    for kind, expected in zip(KINDS, cells, strict=True):
        edges = getattr(genotype, kind).edges
        assert [[edge.op, edge.source] for edge in edges] == expected


# === Against the authors' network of Fair DARTS: 4 channels, 3 cells ===


@pytest.fixture(params=["l2", "l1"])
def norm(request):
    return request.param


@pytest.fixture(scope="module")
def fair_supernet():
    """A function of the dtype; a module's tests share its networks."""
    return functools.cache(partial(Supernet, "fair_darts", **SMALLEST))


@pytest.fixture(params=DTYPES)
def fair(request, golden, norm, fair_supernet):
    """The network of the record, with one of the zero-one losses."""
    record = golden("fairdarts_search_C4_L3.npz")
    supernet = fair_supernet(dtype=request.param)
    if request.param == "float64":
        untraced(supernet)
    arrays = part(record, "param/") | part(record, "buffer/")
    arrays |= {f"alphas_{kind}": record[f"alphas_{kind}"] for kind in KINDS}
    convert.load_authors_weights(supernet, arrays)
    supernet.method = supernet.method.with_flags({"zero_one_norm": norm})
    images = tf.constant(record["x"].transpose(0, 2, 3, 1), request.param)
    return (
        supernet,
        (images, tf.constant(record["y"])),
        part(record, f"{norm}/"),
    )


def test_fair_darts_logits_and_losses(fair):
    supernet, (images, labels), expected = fair
    bound = {"float32": 1e-5, "float64": 1e-10}[supernet.dtype]
    logits = supernet(images, training=True)
    assert relative(logits, expected["logits"]) < bound
    loss = cross_entropy(labels, logits)
    assert relative(loss, expected["ce"]) < bound
    own = supernet.architecture_loss()
    assert relative(own, 10 * expected["zero_one"]) < bound
    assert relative(loss + own, expected["loss"]) < bound


@pytest.mark.parametrize("fair", ["float64"], indirect=True)
def test_fair_darts_alpha_gradient(fair):
    supernet, batch, expected = fair
    actual = bilevel.architecture_gradients(supernet, None, batch)
    for kind in KINDS:
        gradient = actual[f"alphas_{kind}"]
        assert relative(gradient, expected[f"grad_{kind}"]) < 1e-10


# === In float32 ===


@pytest.mark.parametrize(
    "method", ["darts", pytest.param("fair_darts", marks=pytest.mark.slow)]
)
def test_gradients_in_float32_are_those_in_float64(method):
    keras.utils.set_random_seed(SEED)
    double, single = (
        untraced(small(method=method, channels=4, **ONE_NODE, dtype=dtype))
        for dtype in ("float64", "float32")
    )
    for alpha in double.architecture.values():
        alpha.assign(np.random.default_rng(SEED).normal(size=alpha.shape))
    single.set_weights(double.get_weights())
    images, labels = batch_far_from_kinks(double, 4)
    expected, actual = (
        gradients(supernet, tf.constant(images, supernet.dtype), labels)
        for supernet in (double, single)
    )
    for ours, theirs in zip(actual, expected, strict=True):
        assert ours.keys() == theirs.keys()
        for name, gradient in theirs.items():
            assert relative(ours[name], gradient) < 1e-4, name


# === Against the plain implementation: other sizes ===

SEED = 1
CASES = {
    "8 channels, 5 cells, 2 nodes": {
        "input_shape": (16, 16, 3),
        "channels": 8,
        "cells": 5,
        "nodes": 2,
    },
    "odd, grey, 1 node": {
        "input_shape": (9, 7, 1),
        "channels": 4,
        **ONE_NODE,
    },
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def pair(request):
    """Our network and the plain one, of the same size and weights."""
    options = {**request.param, "dtype": "float64"}
    keras.utils.set_random_seed(SEED)
    ours = untraced(Supernet(classes=7, **options))
    for alpha in ours.architecture.values():
        alpha.assign(np.random.default_rng(SEED).normal(size=alpha.shape))
    colors = options.pop("input_shape")[-1]
    plain = BaselineSupernet(classes=7, in_channels=colors, **options)
    alphas = {name: v.numpy() for name, v in ours.architecture.items()}
    plain.load_authors(convert.to_authors(ours) | alphas)
    return ours, plain


def test_agreement_with_the_plain_network(pair):
    ours, plain = pair
    generator = np.random.default_rng(SEED)
    images = generator.normal(size=(4, *ours.image_shape))
    images = tf.constant(images, ours.dtype)
    labels = generator.integers(0, 7, 4)

    assert relative(ours(images), plain(images)) < 1e-12
    ours_w, ours_alpha = gradients(ours, images, labels)
    for name, expected in plain.alpha_gradients(images, labels).items():
        assert relative(ours_alpha[name], expected) < 1e-11
    expected = plain.weight_gradients(images, labels)
    for name, gradient in convert.to_authors(ours, ours_w).items():
        assert relative(gradient, expected[name]) < 1e-9, name


# === Sizes ===


@pytest.mark.parametrize(
    ("channels", "cells", "classes", "count"),
    [
        (16, 8, 10, 1_930_618),
        (16, 8, 100, 1_953_748),
        (8, 8, 10, 597_890),
        (4, 3, 10, 72_854),
    ],
)
def test_weights_are_as_many_as_the_authors(channels, cells, classes, count):
    supernet = counted(channels=channels, cells=cells, classes=classes)
    assert weight_count(supernet) == count


def on_every_edge(*names):
    return {"operations": dict.fromkeys(KINDS, [list(names)] * 14)}


LAST = ("skip_connect", "sep_conv_3x3", "dil_conv_3x3")
CONVOLUTIONS = ("skip_connect", *PRIMITIVES[4:])
# Weights and moving statistics of the authors' networks of 16 channels.
COUNTS = [
    ("fair_darts", {}, 1_930_618, 74_592),
    ("pc_darts", {}, 299_578, 19_680),
    ("att_darts", {"attention": "none"}, 1_930_618, 74_592),
    ("att_darts", {}, 3_309_282, 86_016),
    ("att_darts", {"attention": "end"}, 2_633_090, None),
    ("att_darts", {"attention": "after_every_and_end"}, 4_011_754, None),
    ("att_darts", {"attention": "mixed_with_operation"}, 3_514_082, None),
    pytest.param(
        *("att_darts", {"attention": "double_mixed"}, 6_682_954, None),
        marks=pytest.mark.slow,
    ),
    ("pdarts", {}, 1_275_834, 49_056),
    ("pdarts", {"cells": 11}, 2_585_146, None),
    ("pdarts", {"cells": 17}, 3_894_202, None),
    (
        "pdarts",
        {"cells": 11, **on_every_edge("none", "max_pool_3x3", *LAST)},
        1_239_130,
        None,
    ),
    ("pdarts", {"cells": 11, **on_every_edge(*CONVOLUTIONS)}, 2_585_146, None),
    ("pdarts", {"cells": 17, **on_every_edge(*LAST)}, 1_861_402, None),
]


@pytest.mark.parametrize(("method", "options", "weights", "moving"), COUNTS)
def test_every_method_holds_what_its_authors_hold(
    method, options, weights, moving
):
    supernet = counted(method, **options)
    assert weight_count(supernet) == weights
    assert supernet.cost().parameters == weights
    if moving is not None:
        own = [v for v in supernet.variables if "moving_" in v.path]
        named = convert.to_authors(
            supernet, {v.path: np.zeros(v.shape) for v in own}
        )
        assert all(".running_" in name for name in named)
        assert sum(array.size for array in named.values()) == moving


OWN = {
    "normal": [["none", "skip_connect"], ["sep_conv_3x3", "max_pool_3x3"]],
    "reduce": [["dil_conv_5x5", "skip_connect"], ["none", "none"]],
}


@pytest.mark.parametrize(
    "sizes",
    [
        {"nodes": 3},
        {"input_shape": (28, 28, 1)},
        {"input_shape": (9, 7, 3), "cells": 5},
        {"nodes": 1, "operations": OWN},
        {"nodes": 2, "operations": ["none"]},
        {"operations": ["skip_connect", "dil_conv_3x3"], "cells": 1},
    ],
    ids=str,
)
def test_weights_are_as_many_as_the_cost_says(sizes):
    sizes = {"channels": 4, "cells": 3, **sizes}
    supernet = counted(**sizes)
    cost = supernet_cost(**sizes | {"operations": supernet.operations})
    assert weight_count(supernet) == cost.parameters


@pytest.mark.parametrize(
    ("method", "flags"),
    [
        ("att_darts", {"attention": "double_mixed"}),
        ("pc_darts", {"attention": "after_every_and_end"}),
        ("darts", {"auxiliary_skip": True}),
        ("pdarts", {"auxiliary_skip": True, "partial_channels": 2}),
    ],
    ids=str,
)
def test_a_supernet_costs_what_it_holds(method, flags):
    method = methods.get(method).with_flags(flags)
    supernet = small(counted, method=method, channels=4)
    assert weight_count(supernet) == supernet.cost().parameters


# === A Keras model ===


def small(make=Supernet, **options):
    sizes = {"input_shape": (8, 8, 1), "channels": 2, "cells": 4, "nodes": 2}
    return make(**sizes | options)


def test_configuration_round_trip():
    operations = [["skip_connect", "none"], ["sep_conv_3x3", "none"]]
    supernet = small(
        nodes=1,
        classes=5,
        operations={"normal": operations, "reduce": operations[::-1]},
        dtype="float64",
    )
    config = keras.saving.serialize_keras_object(supernet)
    json.dumps(config["config"])
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == supernet.get_config()
    assert [v.path for v in again.variables] == [
        v.path for v in supernet.variables
    ]


def test_weights_survive_a_file(tmp_path):
    written, read = untraced(small()), small()
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 1))
    written(images.astype("float32"), training=True)  # moves the statistics
    written.save_weights(tmp_path / "supernet.weights.h5")
    read.load_weights(tmp_path / "supernet.weights.h5")
    for a, b in zip(written.variables, read.variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.path)


def test_paths_are_unique_and_the_same_for_every_instance():
    first, second = small(), small()
    paths = [v.path for v in first.variables]
    assert len(set(paths)) == len(paths)
    assert [v.path for v in second.variables] == paths


def test_architecture_and_weights_share_no_variable():
    supernet = small()
    architecture = {v.path for v in supernet.architecture.values()}
    weights = {v.path for v in supernet.weight_variables}
    assert architecture.isdisjoint(weights)
    assert architecture | weights == {
        v.path for v in supernet.trainable_variables
    }


def test_the_seed_decides_the_initial_values():
    values = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(seed)
        values.append(small().get_weights())
    for a, b in zip(*values[:2], strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(*values[1:], strict=True))


def test_few_traces_serve_all_cells():
    supernet = small(cells=8, operations=["skip_connect", "dil_conv_3x3"])
    images = np.ones((2, 8, 8, 1), "float32")
    for training in (True, False, True):
        supernet(images, training=training)
    assert sum(len(cell.outgoing) for cell in supernet.cells) == 24
    # Both modes have the states with two and with one outgoing edge in cells
    # of three widths, and the strided inputs of the two reductions.
    assert len(supernet._trace._functions) == 2 * (3 * 2 + 2)


def test_shared_traces_change_nothing():
    supernet = small(dtype="float64")
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 1))
    start, ends = supernet.get_weights(), []
    for run in (supernet._trace, None):
        supernet.set_weights(start)
        supernet._trace = run
        logits = supernet(images, training=True)
        ends.append([logits, *supernet.get_weights()])
    for a, b in zip(*ends, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 4, 3), (5, 11, 1)], ids=str)
def test_the_smallest_images(shape):
    supernet = small(input_shape=shape)
    logits = supernet(np.ones((2, *shape), "float32"), training=True)
    assert logits.shape == (2, 10)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": (3, 32, 3)}, r"input_shape.*\(3, 32, 3\).*4x4"),
        ({"method": "dart"}, "dart.*did you mean darts"),
        (
            {"method": "pc_darts", "channels": 6},
            "^channels=6: .*partial_channels=4",
        ),
        ({"operations": ["skip", "none"]}, "unknown 'skip'.*skip_connect"),
        ({"operations": {"normal": [["none"]] * 5}}, "reduce"),
        (
            {"operations": dict.fromkeys(KINDS, [["none"]] * 4)},
            "normal.*5 lists.*2 nodes",
        ),
        (
            {"operations": {**dict.fromkeys(KINDS, [["none"]] * 4 + [[]])}},
            "equal length",
        ),
        ({"operations": dict.fromkeys(KINDS, [[]] * 5)}, "normal"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_named_in_one_line(options, message):
    with pytest.raises(UserError, match=message) as error:
        small(**options)
    assert "\n" not in str(error.value)


def test_operations_default_to_those_of_the_method():
    assert small().operations == dict.fromkeys(KINDS, [list(PRIMITIVES)] * 5)
