"""Selection by perturbation: a second implementation, known answers, kills."""

import contextlib
import json
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from parity import KINDS, untraced
from reference import BaselineSupernet, Zero
from small_runs import arrays, assert_same_end, newest, search_here

from tfnas import convert, data, derivation, methods
from tfnas.bilevel.removal import Removals
from tfnas.derivation.perturbation import (
    DROPPED,
    UNDECIDED,
    Choice,
    missed_most,
    rounds,
)
from tfnas.genotype import Genotype
from tfnas.networks import build_supernet
from tfnas.networks.darts.supernet import Supernet
from tfnas.networks.proxy import still_logits
from tfnas.networks.pruning import pruned_weights
from tfnas.runs import callbacks
from tfnas.search.perturbation import Perturbation
from tfnas.spaces import darts, nasbench201

IMAGES, SEED = 40, 3


def phase(supernet, seed=SEED):
    """The phase of a search that ended with this supernet, without tuning.

    Returns it with its records, which it leaves in `decisions`, and with what
    it returned.
    """
    digits = data.load("digits")
    search = SimpleNamespace(
        model=SimpleNamespace(
            supernet=supernet, optimizer=SimpleNamespace(buffers=[])
        ),
        method=supernet.method,
        config=SimpleNamespace(seed=seed),
        dataset=digits,
        halves=(None, np.arange(IMAGES)),
        history=SimpleNamespace(rows=[{"epoch": 1, "seconds": 0.0}]),
        strategy=tf.distribute.get_strategy(),
        run=SimpleNamespace(write_json=lambda name, value: None),
        saving=lambda: contextlib.nullcontext(SimpleNamespace(stop=None)),
        save=lambda: None,
        seconds=lambda: 0.0,
        epoch=1,
    )
    found = Perturbation(search)
    return found, found.run()


def batch(supernet):
    """The images that such a phase tests on, as one batch."""
    digits = data.load("digits")
    images = digits.train.take(np.arange(IMAGES))
    [(images, labels)] = data.evaluation_batches(images, digits, IMAGES)
    return tf.cast(images, supernet.dtype), labels.numpy()


def of(name="darts", **flags):
    """A method that derives by removals, on one batch and without tuning."""
    flags = {"perturbation_epochs": 0, "batch_size": IMAGES, **flags}
    return methods.get(name).typed_over({"derivation": "perturbation", **flags})


SIZE = {"input_shape": (8, 8, 1), "channels": 2, "cells": 3}


# === A second implementation: the plain supernet, edge by edge ===


class Weighted(BaselineSupernet):
    """The plain supernet by any weights of its operations, (edges, 8)."""

    def call(self, images, normal=None, reduce=None, training=False):
        if normal is None:
            return super().call(images)
        s0 = s1 = self.stem(images)
        for index, cell in enumerate(self.cells):
            weights = reduce if index in self.reductions else normal
            s0, s1 = s1, cell(s0, s1, weights)
        return self.classifier(self.pool(s1))


@pytest.fixture(
    scope="module", params=[1, pytest.param(2, marks=pytest.mark.slow)]
)
def pair(request):
    """Our phase and the plain supernet of the same weights, in float64.

    With one node there are no edges to drop.
    """
    keras.utils.set_random_seed(SEED)
    nodes = request.param
    ours = Supernet(of(), nodes=nodes, dtype="float64", **SIZE)
    for alpha in ours.architecture.values():
        alpha.assign(np.random.default_rng(SEED).normal(size=alpha.shape))
    plain = Weighted(
        in_channels=1, channels=2, cells=3, nodes=nodes, dtype="float64"
    )
    alphas = {name: v.numpy() for name, v in ours.architecture.items()}
    plain.load_authors(convert.to_authors(ours) | alphas)
    return *phase(ours), plain


def judged(logits, labels):
    """(accuracy, mean cross-entropy) by NumPy."""
    logits = np.asarray(logits)
    shifted = logits - logits.max(-1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    right = logits.argmax(-1) == labels
    return right.mean(), -logs[np.arange(len(labels)), labels].mean()


def plain_selection(plain, images, labels, order):
    """DARTS-PT on the plain supernet: [(what is left out, judged)], weights.

    Args:
        order: [(kind, edge)] and then [(kind, None)] for the edges into the
            second node, as the draw has them.
    """
    answer = tf.function(lambda *given: plain(*given, training=True))
    weights = {
        kind: np.exp(alpha) / np.exp(alpha).sum(-1, keepdims=True)
        for kind, alpha in zip(
            KINDS,
            (plain.alphas_normal.numpy(), plain.alphas_reduce.numpy()),
            strict=True,
        )
    }

    def without(kind, *place):
        left = {name: array.copy() for name, array in weights.items()}
        left[kind][place] = 0
        return judged(answer(images, *(left[k] for k in KINDS)), labels)

    found = []
    for kind, edge in order:
        places = [(2,), (3,), (4,)]
        if edge is not None:
            places = [(edge, column) for column in range(1, 8)]
        hurt = [without(kind, *place) for place in places]
        found += zip(places, hurt, strict=True)
        ranks = np.lexsort([[-loss for _, loss in hurt], [a for a, _ in hurt]])
        if edge is None:
            weights[kind][places[ranks[2]]] = 0
        else:
            weights[kind][edge] = np.eye(8)[1 + ranks[0]]
    return found, weights


def test_the_choices_are_those_of_a_plain_selection(pair):
    made, noted, plain = pair
    ours = made.removals.supernet
    places = darts.edges(ours.nodes)
    order = [
        (choice.kind, None if choice.is_of_edges else choice.options[0][0])
        for each in rounds(ours.operations, places, "top2", SEED)
        for choice in each
    ]
    images, labels = batch(ours)
    expected, weights = plain_selection(plain, images, labels, order)
    actual = [
        (found["accuracy"], found["loss"])
        for record in made.decisions
        for found in record["without"].values()
    ]
    evaluations = {1: 2 * 2 * 7, 2: 2 * (5 * 7 + 3)}[ours.nodes]
    assert noted["evaluations"] == len(actual) == evaluations
    np.testing.assert_allclose(
        actual, [hurt for _, hurt in expected], rtol=1e-10, atol=1e-12
    )
    for kind, cell in ours.derive().cells.items():
        assert {(e.op, e.source, e.to) for e in cell.edges} == {
            (ours.operations[kind][edge][column], *places[edge])
            for edge, column in zip(*np.nonzero(weights[kind]), strict=True)
        }
    # Neither removals nor decisions trace the supernet again.
    assert made.removals._measured.experimental_get_tracing_count() == 1


class Rest:
    """A mixed operation from which one operation is gone, or all are."""

    def __init__(self, mixed, column=None):
        self.mixed, self.column = mixed, column

    def __call__(self, x, weights):
        parts = list(self.mixed.parts.values())
        if self.column is None:
            return Zero(parts[0].stride)(x)
        return tf.add_n(
            [
                weights[k] * part(x)
                for k, part in enumerate(parts)
                if k != self.column
            ]
        )


@pytest.mark.parametrize(
    ("kind", "edge", "column"), [("normal", 1, 5), ("reduce", 0, None)]
)
def test_a_removal_is_a_supernet_that_lacks_the_operation(
    pair, monkeypatch, kind, edge, column
):
    made, _, plain = pair
    layer = made.removals.supernet.architecture_layer
    images, labels = batch(made.removals.supernet)
    for own in layer.decided.values():
        own.assign(np.full(own.shape, UNDECIDED))
    for index, cell in enumerate(plain.cells):
        if KINDS[index in plain.reductions] == kind:
            name = f"_ops.{edge}"
            mixed = cell.parts[name]
            monkeypatch.setitem(cell.parts, name, Rest(mixed, column))
    expected = judged(plain(images, training=True), labels)
    actual = made.removals(kind, edge, column)
    np.testing.assert_allclose(actual, expected, rtol=1e-10)
    assert abs(actual[1] - made.removals()[1]) > 1e-6


# === Cases with a known answer ===


def test_the_only_operation_that_carries_the_signal_stays():
    names = ("none", "nor_conv_1x1", "nor_conv_3x3")
    method = of(space="nasbench201", operations=names, cells=(3,))
    keras.utils.set_random_seed(SEED)
    supernet = build_supernet(method, classes=10, **SIZE)
    # All convolutions of edges are zero but one, from state 0 to the output.
    for stage in supernet.stages:
        for state, outgoing in enumerate(getattr(stage, "outgoing", ())):
            for name, layer in outgoing.mixed.candidates.items():
                kernel = layer.dense.numpy()
                carries = state == 0 and name == "nor_conv_3x3"
                kernel[..., : -2 if carries else None] = 0
                layer.dense.assign(kernel)
    images, labels = batch(supernet)
    own = np.argmax(still_logits(supernet, images), -1)
    shares = np.bincount(own) / len(own)
    assert shares.max() < 1
    made = Removals(supernet, [(images, tf.constant(own))])
    assert made()[0] == 1
    # Without the carrier, all images get the same answer.
    assert made("cell", 3, 2)[0] in shares
    assert made("cell", 3, 1)[0] == made("cell", 0, 2)[0] == 1
    choice = Choice("cell", ((3, 0), (3, 1), (3, 2)))
    hurt = [made("cell", *each) for each in choice.options]
    assert missed_most(hurt, 1) == [2]


def test_accuracy_decides_then_loss_then_the_order():
    assert missed_most([(0.5, 9.0), (0.4, 1.0), (0.6, 9.0)], 1) == [1]
    assert missed_most([(0.5, 1.0), (0.5, 2.0), (0.5, 1.5)], 1) == [1]
    assert missed_most([(0.5, 1.0)] * 3, 2) == [0, 1]


def test_every_edge_and_node_has_a_choice_in_an_order_of_the_seed():
    names = {kind: [darts.PRIMITIVES] * 14 for kind in KINDS}
    orders = [rounds(names, darts.edges(), "top2", seed) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    # As the page on derivation says.
    tests = [len(choice.options) for each in orders[0] for choice in each]
    assert (len(orders[0]), sum(tests)) == (17, 220)
    for place, kind in enumerate(KINDS):
        own = [each[place] for each in orders[0]]
        assert {choice.kind for choice in own} == {kind}
        edges, nodes = own[:14], own[14:]
        assert sorted(c.options[0][0] for c in edges) == list(range(14))
        # `none` is the first column.
        for choice in edges:
            assert [c for _, c in choice.options] == list(range(1, 8))
        into = {4: range(5, 9), 3: range(2, 5), 5: range(9, 14)}
        expected = {tuple((e, None) for e in group) for group in into.values()}
        assert {choice.options for choice in nodes} == expected
        assert {choice.kept for choice in nodes} == {2}
    assert orders[0][0][0].options[0][0] != orders[0][0][1].options[0][0]


def test_the_benchmark_s_cell_chooses_among_all_and_keeps_its_edges():
    names = {"cell": [nasbench201.PRIMITIVES] * 6}
    own = rounds(names, nasbench201.edges(), "strongest", 0)
    assert [len(choice.options) for each in own for choice in each] == [5] * 6


# === What is decided ===


CHEAP = ("none", "max_pool_3x3", "skip_connect")


def of_the_benchmark():
    flags = {"space": "nasbench201", "cells": (3,)}
    flags["operations"] = ("none", "skip_connect", "avg_pool_3x3")
    return build_supernet(of(**flags), classes=10, **SIZE)


DECIDED = {
    "darts": lambda: Supernet(of(operations=CHEAP), nodes=2, **SIZE),
    "sigmoid": lambda: Supernet(
        of("fair_darts", operations=CHEAP[1:]), nodes=2, **SIZE
    ),
    "benchmark": of_the_benchmark,
}


@pytest.mark.parametrize(
    "case",
    ["darts", pytest.param("sigmoid", marks=pytest.mark.slow), "benchmark"],
)
def test_what_is_left_is_the_supernet_pruned_to_the_cell_of_the_choices(case):
    supernet = DECIDED[case]()
    kept = {kind: set() for kind in supernet.operations}
    dropped = {kind: set() for kind in supernet.operations}
    images, _ = batch(supernet)
    mixed = supernet(images)
    made, noted = phase(supernet)
    assert noted["choices"] == len(made.decisions)
    for record in made.decisions:
        kind, without = record["cell"], record["without"]
        order = sorted(
            without, key=lambda n: (without[n]["accuracy"], -without[n]["loss"])
        )
        assert {*record["kept"]} == {*order[: 2 if "node" in record else 1]}
        if "node" in record:
            assert len(order) == 3
            dropped[kind].add((int(order[2][-1]), record["node"]))
        else:
            kept[kind].add((*record["kept"], *record["edge"]))
    for kind, cell in supernet.derive().cells.items():
        edges = {edge for edge in kept[kind] if edge[1:] not in dropped[kind]}
        assert {(e.op, e.source, e.to) for e in cell.edges} == edges
        assert len(edges) == (6 if case == "benchmark" else 4)
    left = supernet(images)
    pruned = pruned_weights(supernet, supernet.derive())
    np.testing.assert_allclose(left, supernet(images, mixing=pruned), atol=1e-5)
    assert np.abs(left - mixed).max() > 1e-3


@pytest.mark.parametrize(
    "flags",
    [
        {"name": "att_darts", "operations": ("none", "skip_connect")},
        {"name": "pc_darts", "warmup_epochs": 0, "channels": 4},
        {"auxiliary_skip": True, "operations": ("none", "skip_connect")},
    ],
    ids=("attention", "part of the channels", "auxiliary skip"),
)
def test_nothing_of_a_dropped_edge_is_left(flags):
    """The only edge from state 1 goes, so that state 1 no longer matters."""
    method = of(**flags)
    size = {**SIZE, "channels": method.channels % 16 or 2}
    supernet = untraced(Supernet(method, nodes=1, **size))
    cell = supernet.cells[0]
    shape = (2, 8, 8, 3 * size["channels"])
    one, two, other = np.random.default_rng(0).normal(size=(3, *shape))

    def outputs(second):
        weights = supernet.relaxed((0, 0))["normal"]
        states = [tf.constant(x, tf.float32) for x in (one, second)]
        return cell(states, weights, training=True).numpy()

    assert np.abs(outputs(two) - outputs(other)).max() > 1e-3
    supernet.architecture_layer.decided["normal"].assign([1, DROPPED])
    assert np.array_equal(outputs(two), outputs(other))


def test_what_is_decided_is_not_perturbed_nor_moved_by_alpha():
    supernet = Supernet(of(smoothing=0.3), nodes=1, **SIZE)
    supernet.architecture_layer.decided["normal"].assign([2, UNDECIDED])
    with tf.GradientTape() as tape:
        weights = supernet.relaxed((0, 1), 0.3)["normal"]["alphas"]
        total = tf.reduce_sum(
            weights * tf.random.stateless_normal((2, 8), (0, 0))
        )
    assert np.array_equal(weights[0], np.eye(8)[2])
    shares = derivation.softmax(supernet.architecture["alphas_normal"].numpy())
    assert np.abs(weights[1] - shares[1]).max() > 0.01
    alpha = supernet.architecture["alphas_normal"].value
    gradient = tape.gradient(total, alpha).numpy()
    assert not gradient[0].any()
    assert gradient[1].any()


# === A whole search ===


FLAGS = {"derivation": "perturbation", "perturbation_epochs": 1}
FLAGS |= {"epochs": 1, "checkpoint_minutes": 0}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A search, and its folder as kills at two moments would leave it.

    They are between the choices of a round, and in an epoch of tuning.
    """
    folder = tmp_path_factory.mktemp("perturbation")
    whole, patch = folder / "whole", pytest.MonkeyPatch()
    decide = Perturbation._decide
    tune = callbacks.EachTuningEpoch.on_train_batch_begin

    def deciding(self, *given):
        if len(self.decisions) == 3:
            shutil.copytree(whole, folder / "choices")
        decide(self, *given)

    def tuning(self, step, logs=None):
        if self.search.step == 2:
            self.search._settle()
            shutil.copytree(whole, folder / "tuning")
        tune(self, step, logs)

    with patch.context() as patched:
        patched.setattr(Perturbation, "_decide", deciding)
        patched.setattr(
            callbacks.EachTuningEpoch, "on_train_batch_begin", tuning
        )
        search_here(whole, **FLAGS)
    return folder


@pytest.mark.parametrize(
    "moment", [pytest.param("choices", marks=pytest.mark.slow), "tuning"]
)
def test_a_search_killed_between_two_choices_ends_the_same(
    killed, moment, capsys
):
    whole, out = killed / "whole", killed / moment
    state = json.loads((newest(out) / "state.json").read_text())
    made = {"choices": 3, "tuning": 2}[moment]
    assert len(state["perturbation"]["decisions"]) == made
    assert state["step"] == {"choices": 0, "tuning": 2}[moment]
    search_here(out, **FLAGS, resume=True)
    said = capsys.readouterr().out
    assert f"Choice {made} of 4" not in said
    assert f"Choice {made + 1} of 4: " in said
    assert_same_end(out, whole)
    name = "decisions.json"
    assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_a_search_tells_how_it_was_derived(killed):
    whole = killed / "whole"
    genotype = Genotype.from_json(whole / "genotype.json")
    found = genotype.provenance
    assert (found["derivation"], found["perturbation_epochs"]) == (
        "perturbation",
        1,
    )
    records = json.loads((whole / "decisions.json").read_text())
    assert [len(record["without"]) for record in records] == [2] * 4
    for kind, cell in genotype.cells.items():
        assert {(e.op, e.source, e.to) for e in cell.edges} == {
            (*record["kept"], *record["edge"])
            for record in records
            if record["cell"] == kind
        }
    summary = json.loads((whole / "summary.json").read_text())
    noted = summary["perturbation"]
    assert noted.pop("seconds") <= summary["seconds"]
    assert noted == {
        "choices": 4,
        "evaluations": 8,
        "images": 64,
        "tuning_epochs": 1,
    }
    page = (whole / "report.html").read_text()
    assert "Removals from the supernet chose the cell, not alpha." in page
    assert "4 choices by removals, one by one" in page
    for words in ("decided by chance", "When to stop", "stable for"):
        assert words not in page


def test_tuning_begins_anew_at_a_tenth_of_the_rate(killed):
    state = arrays(newest(killed / "whole") / "state.npz")
    [rate] = [
        v for name, v in state.items() if name.endswith("sgd/learning_rate")
    ]
    assert rate == np.float32(0.1 * methods.get("darts").learning_rate)
