"""Which epoch's cell a search takes: the proxy, the rules, the record."""

import csv
import html
import json

import numpy as np
import pytest
from small_runs import GIVEN, arrays, error, run, search_here

from tfnas import methods
from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.networks import proxy
from tfnas.networks.darts.supernet import Supernet
from tfnas.networks.nasbench201.supernet import BenchSupernet
from tfnas.networks.pruning import pruned_weights
from tfnas.runs import selection
from tfnas.search import resolve
from tfnas.search import run as search_run

SMALL = {"input_shape": (8, 8, 3), "channels": 4, "cells": 3}
CANDIDATES = ("none", "skip_connect", "sep_conv_3x3")
EDGES = [(0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
FAR = 60.0  # a sigmoid or softmax so far out is 0 or 1 to the last bit


def supernet(name, nodes=2, **flags):
    method = methods.get(name).with_flags(flags)
    return Supernet(method, nodes=nodes, **SMALL)


def put(net, name, kind, values):
    net.architecture[f"{name}_{kind}"].assign(np.float32(values))


def to_the_corner(net, dropped="none"):
    """Alpha so far out that the mixture is a cell: two edges a node.

    Args:
        dropped: the candidate that wins on the third edge into node 3, or
            None for no candidate at all.
    """
    rng = np.random.default_rng(1)
    for kind, names in net.operations.items():
        values = np.full(np.shape(names), -FAR)
        for row, edge in enumerate(names):
            choices = [i for i, name in enumerate(edge) if name != "none"]
            values[row, rng.choice(choices)] = FAR
        if len(names) == 5:
            values[3] = -FAR
            if dropped:
                values[3, list(names[3]).index(dropped)] = FAR
        put(net, "alphas", kind, values)
        # The attentions after edges and at the end of the cell, if any.
        for name in ("betas", "gammas"):
            if f"{name}_{kind}" in net.architecture:
                *rows, count = net.architecture[f"{name}_{kind}"].shape
                chosen = rng.integers(count, size=rows or None)
                put(net, name, kind, FAR * np.eye(count)[chosen])
    return net


def weighed_edges():
    """PC-DARTS with edges of unequal weight, the third into node 3 of none."""
    net = supernet("pc_darts", operations=CANDIDATES, warmup_epochs=0)
    to_the_corner(net)
    for kind in net.operations:
        put(net, "edges", kind, [0.3, 0.9, 1.2, -FAR, 0.4])
    return net


def fading():
    net = supernet("darts", operations=CANDIDATES, auxiliary_skip=True)
    net.auxiliary_weight.assign(0)
    return to_the_corner(net)


def of_the_benchmark():
    method = methods.get("darts").with_flags({"space": "nasbench201"})
    return to_the_corner(BenchSupernet(method, **SMALL))


CORNERS = {
    "softmax": lambda: to_the_corner(supernet("darts", operations=CANDIDATES)),
    "sigmoid": lambda: to_the_corner(
        supernet("fair_darts", operations=CANDIDATES[1:]), dropped=None
    ),
    # An attention makes something of nothing: no edge may be dropped here.
    "attention": lambda: to_the_corner(
        supernet("att_darts", nodes=1, operations=CANDIDATES)
    ),
    "attention at the end": lambda: to_the_corner(
        supernet("darts", attention="end", operations=CANDIDATES)
    ),
    "edges and parts": weighed_edges,
    "auxiliary skip": fading,
    "benchmark": of_the_benchmark,
}


def images(count=32):
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(count, 8, 8, 3)).astype("float32")
    return pixels, rng.integers(0, 10, count)


# === The proxy ===


@pytest.mark.parametrize("case", CORNERS)
def test_at_a_corner_the_proxy_is_the_supernet_s_own_accuracy(case):
    net = CORNERS[case]()
    batch = images()
    weights = pruned_weights(net, net.derive())
    pruned = np.array(proxy.still_logits(net, batch[0], mixing=weights))
    traced = len(net._trace._functions)
    own = np.array(net(batch[0], training=True))
    # One trace serves both, so an epoch's proxy waits for none of its own.
    assert len(net._trace._functions) == traced
    apart = 1e-4 * np.abs(own).max()
    assert np.abs(pruned - own).max() < apart
    accuracy = np.mean(own.argmax(-1) == batch[1])
    # Where the two best are this near, rounding may put either first.
    open_ones = np.mean(np.diff(np.sort(own)[:, -2:]) < 2 * apart)
    assert open_ones < 0.1
    actual = proxy.proxy_accuracy(net, batch)
    assert abs(actual - accuracy) <= open_ones + 1e-6


def test_the_pruned_supernet_keeps_what_the_cell_keeps():
    """By hand: edges 0, 1 into node 2; 1 and 2 into node 3, each a weight."""
    net = supernet("darts", operations=CANDIDATES)
    values = np.zeros((5, 3))
    values[[0, 1, 3, 4], [1, 2, 2, 1]] = 1
    for kind in net.operations:
        put(net, "alphas", kind, values)
    for own in pruned_weights(net, net.derive()).values():
        assert np.array_equal(own["alphas"], values)


PARTS = {"partial_channels": 2, "edge_normalization": False}


@pytest.mark.parametrize(
    "name, flags",
    [("att_darts", {}), ("darts", PARTS)],
    ids=["attentions", "parts"],
)
def test_nothing_of_a_dropped_edge_is_left(name, flags):
    net = supernet(name, operations=CANDIDATES, **flags)
    genotype = net.derive()
    weights = pruned_weights(net, genotype)
    found = np.array(proxy.still_logits(net, images()[0], mixing=weights))
    for kind, own in weights.items():
        kept = {(e.source, e.to) for e in genotype.cells[kind].edges}
        assert len(kept) == 4
        own["edges"] = np.float32([p in kept for p in EDGES])
    without = proxy.still_logits(net, images()[0], mixing=weights)
    assert np.array_equal(found, without)


def test_kept_edges_share_one_as_they_did():
    net = supernet("pc_darts", operations=CANDIDATES, warmup_epochs=0)
    alphas = [[0, 1, 0]] * 2 + [[0, 0, 2], [0, 0, 0], [0, 2, 0]]
    for kind in net.operations:
        put(net, "alphas", kind, alphas)
        put(net, "edges", kind, np.log([1, 3, 2, 9, 6]))
    for own in pruned_weights(net, net.derive()).values():
        # Edge 3 leads by its weight, so that edge 2 is dropped.
        assert np.allclose(own["edges"], [1 / 4, 3 / 4, 0, 9 / 15, 6 / 15])


def test_two_operations_of_an_edge_both_stay():
    flags = {"derivation": "threshold_edge", "threshold": 0.6}
    net = supernet("fair_darts", operations=CANDIDATES[1:], **flags)
    values = np.full((5, 2), -1.0)
    values[1] = 1
    for kind in net.operations:
        put(net, "alphas", kind, values)
    for own in pruned_weights(net, net.derive()).values():
        assert np.array_equal(own["alphas"], values > 0)


def test_the_proxy_drops_no_skip_and_leaves_all_as_it_was():
    net = supernet("pdarts", operations=CANDIDATES, operations_kept=(2, 2))
    net.skip_dropout_rate.assign(0.9)
    before = net.get_weights()
    first, *others = (proxy.proxy_accuracy(net, images()) for _ in range(2))
    assert others == [first]
    rate, logits = net.skip_dropout_rate, []
    for value in (0.9, 0.0):
        rate.assign(value)
        logits.append(np.array(proxy.still_logits(net, images()[0])))
    assert np.array_equal(*logits)
    rate.assign(0.9)
    for one, two in zip(before, net.get_weights(), strict=True):
        assert np.array_equal(one, two)


def test_the_fixed_part_is_a_mixed_batch_of_the_validation_half():
    from tfnas import data

    dataset = data.load("digits")
    places = data.search_halves(dataset)[1]
    images, labels = proxy.fixed_part(dataset, places)
    assert images.shape == (512, 8, 8, 1)
    assert len(proxy.fixed_part(dataset, places[:30])[1]) == 30
    # Of ten classes in order, a part has all.
    order = places[np.argsort(dataset.train.labels[places], kind="stable")]
    _, few = proxy.fixed_part(dataset, order, 96)
    assert set(np.array(few)) == set(range(10))


# === The rules ===


def rows(**columns):
    """Rows of epochs 1, 2, ... with the values given, None for none."""
    count = len(next(iter(columns.values())))
    return [
        {"epoch": i + 1}
        | {k: v[i] for k, v in columns.items() if v[i] is not None}
        for i in range(count)
    ]


def test_the_best_proxy_is_the_first_of_the_largest():
    found = rows(proxy_accuracy=[0.2, 0.7, 0.5, 0.7, None])
    assert selection.best_proxy(found) == 2
    assert selection.choose("best_proxy", found) == 2
    assert selection.choose("last", found) == 5


def test_without_a_proxy_the_last_epoch_is_taken():
    assert selection.choose("best_proxy", rows(proxy_accuracy=[None] * 3)) == 3


def every_second(values):
    """History rows with an eigenvalue after epochs 1, 3, 5, ..."""
    return rows(eigenvalue=[v for value in values for v in (value, None)])


def test_early_stop_by_hand():
    """Means of 5: 1.32 over 1 is more than 1.3, 1.296 is not."""
    assert selection.early_stop(every_second([1] * 8 + [1.4] * 4)) == 11
    assert selection.early_stop(every_second([1] * 8 + [1.37] * 4)) is None
    # With 13 the windows are 9 to 13 and 5 to 9: 1.37 over 1.074.
    assert selection.early_stop(every_second([1] * 8 + [1.37] * 5)) is None
    assert selection.early_stop(every_second([1] * 9 + [1.5] * 4)) == 13


def test_what_comes_too_early_does_not_count():
    """The epoch to go back to would be before RobustDARTS's tenth."""
    assert selection.early_stop(every_second([1] * 3 + [9] * 20)) is None
    assert selection.early_stop(every_second([1] * 8 + [9] * 3)) is None


def test_a_loss_without_curvature_has_no_factor():
    assert selection.early_stop(every_second([-1.0] * 8 + [-2.0] * 8)) is None
    assert selection.early_stop(every_second([0.0] * 20)) is None


def robust_darts(eigenvalues):
    """The authors' bookkeeping, told anew: the epoch from 0, or None.

    They keep a list of means that begins with the third eigenvalue, say for
    each which epoch it stands for, two entries ago, and look four means back.
    """
    seen, means = [], []
    for epoch, value in zip(range(0, 2000, 2), eigenvalues, strict=False):
        seen.append(value)
        if len(seen) >= 3:
            means.append(np.mean(seen[-5:]))
        back = epoch - 2 * 2 - 2 * 4
        if back >= 10 and means[-1] / means[-5] > 1.3:
            return back
    return None


@pytest.mark.parametrize("seed", range(40))
def test_early_stop_is_robust_darts_s(seed):
    rng = np.random.default_rng(seed)
    values = np.exp(np.cumsum(rng.normal(0.03, 0.1, 25))).tolist()
    expected = robust_darts(values)
    found = selection.early_stop(every_second(values))
    assert found == (None if expected is None else expected + 1)


def test_the_rules_were_seen_to_stop_and_to_go_on():
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found.append(robust_darts(np.exp(np.cumsum(rng.normal(0.03, 0.1, 25)))))
    assert 5 < found.count(None) < 35


def test_eigenvalues_are_due_every_second_epoch_but_the_last():
    """0, 2, 4, ... in the authors' count; their last one decides nothing."""
    due = [epoch for epoch in range(1, 26) if selection.is_due(epoch, 25)]
    assert due == list(range(1, 25, 2))
    # The shortest search that the rule can stop has just enough of them.
    shortest = selection.SHORTEST
    due = [e for e in range(1, 99) if selection.is_due(e, shortest)]
    assert selection.early_stop(
        every_second([1.0] * 8 + [9.0] * (len(due) - 8))
    )
    fewer = [e for e in range(1, 99) if selection.is_due(e, shortest - 1)]
    assert len(fewer) == len(due) - 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"select": "best"}, "--select=best: choose from last, best_proxy"),
        ({"select": "early_stop"}, "--epochs=12; use 24 or more"),
        (
            {"select": "best_proxy", "method": "fair_darts", "space": "mobile"},
            "--space=mobile has no proxy",
        ),
        (
            {"select": "best_proxy", "method": "fair_darts", "tune": 2},
            "--tune judges the last epoch's cell; drop one of them",
        ),
    ],
)
def test_a_rule_that_cannot_be_followed_is_one_line(flags, message):
    with pytest.raises(UserError) as refused:
        resolve(flags)
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_the_command_refuses_an_unknown_rule(tmp_path):
    line = error(run(tmp_path / "run", select="first"))
    assert line == "--select=first: use last or best_proxy or early_stop"


def test_a_run_from_before_there_were_rules_can_go_on():
    config, method = resolve({})
    assert "select" not in config.decisive(method)["config"]
    config, method = resolve({"select": "best_proxy"})
    assert config.decisive(method)["config"]["select"] == "best_proxy"


# === Whole searches ===


def read(folder, name):
    return json.loads((folder / name).read_text())


def table(folder):
    with open(folder / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def last(tmp_path_factory):
    """The folder of a small search of three epochs that takes the last."""
    folder = tmp_path_factory.mktemp("last") / "run"
    search_here(folder, epochs=3)
    return folder


def test_every_epoch_has_a_proxy(last):
    found = [float(row["proxy_accuracy"]) for row in table(last)]
    assert len(found) == 3
    # 64 images, in batches of 16.
    assert all(64 * value == round(64 * value) for value in found)
    assert {row["eigenvalue"] for row in table(last)} == {""}


def test_the_record_says_that_the_last_epoch_was_taken(last):
    provenance = Genotype.from_json(last / "genotype.json").provenance
    assert (provenance["select"], provenance["epoch"]) == ("last", 3)
    summary = read(last, "summary.json")
    assert (summary["select"], summary["epoch"]) == ("last", 3)


def test_best_proxy_takes_its_epoch_and_changes_no_alpha(
    last, tmp_path, monkeypatch
):
    """The proxy is made up, and not computed: the search finds the same."""
    made_up = iter([0.5, 0.75, 0.75])
    monkeypatch.setattr(
        search_run.proxy, "proxy_accuracy", lambda *_: next(made_up)
    )
    folder = tmp_path / "run"
    found = search_here(folder, epochs=3, select="best_proxy")
    one, two = arrays(folder / "alphas.npz"), arrays(last / "alphas.npz")
    assert all(np.array_equal(one[name], two[name]) for name in two)
    assert (found.provenance["select"], found.provenance["epoch"]) == (
        "best_proxy",
        2,
    )
    taken = Genotype.from_dict(read(folder, "genotypes.json")[1]["genotype"])
    assert (found.normal, found.reduce) == (taken.normal, taken.reduce)
    assert Genotype.from_json(folder / "genotype.json") == found
    assert read(folder, "summary.json")["epoch"] == 2
    page = html.unescape((folder / "report.html").read_text())
    assert "2: best by the proxy, taken" in page
    assert "The cell is epoch 2's" in page


class Sharp:
    """Stands for the Hessian: eight eigenvalues of 1, then 2."""

    asked = 0

    def __init__(self, supernet, batch, class_weights=None):
        assert len(batch[1]) == GIVEN["batch_size"]

    def largest_eigenvalue(self):
        Sharp.asked += 1
        return 1.0 if Sharp.asked <= 8 else 2.0


def test_early_stop_ends_a_search_and_a_resumed_one_stays_so(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(search_run, "AlphaHessian", Sharp)
    monkeypatch.setattr(search_run.proxy, "proxy_accuracy", lambda *_: 0.5)
    folder, flags = tmp_path / "run", {"select": "early_stop", "epochs": 40}
    found = search_here(folder, **flags)
    # The twelfth eigenvalue, after epoch 23, ends it; its middle is epoch 11.
    assert len(table(folder)) == 23
    assert (found.provenance["select"], found.provenance["epoch"]) == (
        "early_stop",
        11,
    )
    taken = Genotype.from_dict(read(folder, "genotypes.json")[10]["genotype"])
    assert (found.normal, found.reduce) == (taken.normal, taken.reduce)
    assert "sharp in alpha since epoch 11" in capsys.readouterr().out
    (folder / "genotype.json").unlink()
    assert search_here(folder, resume=True, **flags) == found
    assert len(table(folder)) == 23
