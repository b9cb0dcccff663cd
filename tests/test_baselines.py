"""Searches without gradients: proposals, scores, shared weights, runs."""

import csv
import json
import math
import os
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfnas import data, methods, spaces, zoo
from tfnas.baseline import TITLES, proxies
from tfnas.baseline import config as baseline
from tfnas.cli import command
from tfnas.cost import built_cost
from tfnas.errors import UserError
from tfnas.genotype import Cell, Edge, Genotype
from tfnas.networks import build_network
from tfnas.networks.darts.supernet import Supernet
from tfnas.networks.nasbench201.supernet import BenchSupernet
from tfnas.runs import trials
from tfnas.spaces import nasbench201
from tfnas.train import run as train_run

pytest.importorskip("keras_tuner", reason="KerasTuner is not installed")
from tfnas.baseline import shared_weights
from tfnas.baseline.proposals import Evolution, Sampling

ROOT = Path(__file__).parents[1]
SMALL = {
    "space": "nasbench201",
    "trials": 3,
    "train_images": 80,
    "channels": 2,
    "cells": 3,
    "epochs": 2,
    "batch_size": 20,
    "deterministic": False,
}


def rows(folder):
    with open(folder / "trials.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(folder, **flags):
    idle = command.unused(baseline.unused(flags.get("name", "random")))
    small = {k: v for k, v in SMALL.items() if k not in idle}
    given = [f"--{k}={v}" for k, v in {**small, **flags}.items()]
    return baseline.main(["baseline", f"--out={folder}", *given])


# === Spaces as choices ===


@pytest.mark.parametrize("space", spaces.names())
def test_every_combination_of_choices_is_a_genotype_and_of_its_own(space):
    draw = np.random.default_rng(0)
    choices = spaces.get(space).choices()
    made = {}
    for _ in range(200):
        chosen = {k: str(draw.choice(v)) for k, v in choices.items()}
        genotype = spaces.get(space).genotype(chosen).validate()
        made[genotype.to_json()] = chosen
        for name, options in choices.items():
            other = options[(options.index(chosen[name]) + 1) % len(options)]
            changed = spaces.get(space).genotype({**chosen, name: other})
            assert len(options) == 1 or changed != genotype
    assert len(made) > 190  # a few are drawn twice of 15,625


@pytest.mark.parametrize(
    ("space", "size"),
    [
        ("nasbench201", 5**6),
        ("mobile", 7**19),
        # Two of 2, 3, 4, 5 earlier states, 7 operations each, two cells.
        ("darts", math.prod(math.comb(n, 2) * 49 for n in range(2, 6)) ** 2),
    ],
)
def test_the_spaces_have_their_published_sizes(space, size):
    options = map(len, spaces.get(space).choices().values())
    assert math.prod(options) == size


def test_an_unknown_space_is_refused():
    with pytest.raises(UserError, match="^--space=nats: no such space"):
        spaces.get("nats")


# === Proposals ===


def trial(values, score, seconds=1.0):
    metrics = SimpleNamespace(get_last_value=lambda name: seconds)
    parameters = SimpleNamespace(values=values)
    return SimpleNamespace(
        hyperparameters=parameters, score=score, metrics=metrics
    )


def told(oracle, done):
    """An oracle to which these trials have happened."""
    oracle.trials = {str(i): each for i, each in enumerate(done)}
    oracle.end_order = list(oracle.trials)
    return oracle


def proposals(oracle, count, score=lambda values: 0.0):
    done = []
    for _ in range(count):
        values = told(oracle, done).populate_space("")["values"]
        done.append(trial(values, score(values)))
    return [each.hyperparameters.values for each in done]


def test_random_search_finds_every_operation_equally_often():
    oracle = Sampling(nasbench201.SPACE.choices(), seed=0, max_trials=400)
    counts = Counter(v for p in proposals(oracle, 400) for v in p.values())
    expected = 400 * 6 / 5
    chi_square = sum((n - expected) ** 2 / expected for n in counts.values())
    assert len(counts) == 5
    assert chi_square < 18.5  # 0.1 % of four degrees of freedom


def test_proposals_are_of_the_seed_and_do_not_repeat():
    choices = spaces.get("darts").choices()
    first, again, other = (
        proposals(Sampling(choices, seed=seed, max_trials=9), 9)
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other
    assert len({tuple(p.values()) for p in first}) == 9


def test_no_trial_begins_after_the_minutes():
    oracle = Sampling(nasbench201.SPACE.choices(), 0, 1.0, max_trials=9)
    values = oracle.propose([], np.random.default_rng(0))
    done = [trial(values, 0.5, seconds=20.0)] * 2
    assert told(oracle, done).populate_space("")["status"] == "RUNNING"
    done += done[:1]
    assert told(oracle, done).populate_space("")["status"] == "STOPPED"


def test_evolution_changes_one_choice_of_the_best_of_its_sample():
    choices = nasbench201.SPACE.choices()
    oracle = Evolution(choices, seed=3, population=4, sample=4, max_trials=40)

    def score(values):
        return sum(op == "nor_conv_3x3" for op in values.values())

    made = proposals(oracle, 40, score)
    for number in range(4, 40):
        alive = made[number - 4 : number]
        # All are drawn, so the parent is the best, the oldest of equal ones
        # or any other of them.
        best = max(map(score, alive))
        parents = [p for p in alive if score(p) == best]
        differences = [
            sum(made[number][name] != parent[name] for name in choices)
            for parent in parents
        ]
        assert 1 in differences
    # Random search would have a mean of 6 / 5.
    assert np.mean([score(values) for values in made[20:]]) > 2.5


def test_evolution_forgets_the_oldest_however_good():
    choices = nasbench201.SPACE.choices()
    oracle = Evolution(choices, seed=0, population=2, sample=2, max_trials=9)
    good = dict.fromkeys(choices, "nor_conv_3x3")
    bad = dict.fromkeys(choices, "none")
    done = [trial(good, 1.0), trial(bad, 0.1), trial(bad, 0.0)]
    child = oracle.propose(done, np.random.default_rng(0))
    assert sum(op == "none" for op in child.values()) == 5


@pytest.mark.parametrize("oracle", [Sampling, Evolution])
def test_only_accepted_cells_are_proposed(oracle):
    def accepts(values):
        return sum(op == "none" for op in values.values()) == 2

    choices = nasbench201.SPACE.choices()
    made = proposals(oracle(choices, 0, accepts=accepts, max_trials=30), 30)
    assert all(map(accepts, made))
    assert len({tuple(each.values()) for each in made}) > 20


def test_a_cost_that_no_cell_has_is_refused():
    choices = nasbench201.SPACE.choices()
    oracle = Sampling(choices, 0, accepts=lambda values: False, max_trials=1)
    with pytest.raises(UserError, match="^--like: none of 10,000 cells"):
        proposals(oracle, 1)


def test_like_names_a_genotype_of_the_same_space():
    with pytest.raises(UserError, match="^--like=DARTS_V2: is of space darts"):
        baseline.resolve({"space": "nasbench201", "like": "DARTS_V2"})


# === Scores of untrained networks ===


def dense(*widths, activation=None):
    layers = [keras.layers.Dense(w, activation, use_bias=False) for w in widths]
    return keras.Sequential([keras.Input((5,)), *layers])


def test_naswot_counts_the_bits_that_agree():
    network = dense(7, 4, activation="relu")
    images = np.random.default_rng(1).normal(size=(3, 5)).astype("f")
    first, second = network.get_weights()
    hidden = np.maximum(images @ first, 0)
    bits = np.concatenate([hidden > 0, hidden @ second > 0], 1)
    kernel = [[np.sum(a == b) for b in bits] for a in bits]
    expected = np.log(np.abs(np.linalg.det(np.array(kernel, float))))
    assert proxies.naswot(network, images) == pytest.approx(expected, rel=1e-5)


def test_naswot_tells_three_pieces_of_a_relu6_apart():
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(9, use_bias=False),
            keras.layers.ReLU(6.0),
        ]
    )
    images = np.random.default_rng(1).normal(size=(3, 5)).astype("f") * 9
    hidden = images @ network.get_weights()[0]
    pieces = np.digitize(hidden, [0, 6])
    assert set(pieces.ravel()) == {0, 1, 2}
    kernel = [[np.sum(a == b) for b in pieces] for a in pieces]
    expected = np.log(np.linalg.det(np.array(kernel, float)))
    assert proxies.naswot(network, images) == pytest.approx(expected, rel=1e-9)


SKIPS = Cell((Edge("skip_connect", 0, 2), Edge("skip_connect", 1, 2)), (2,))
# Of each cell ReLU and 1x1 convolution of both inputs, of its reductions the
# ReLUs of both skips; at 8x8 pixels and 4 channels, the stem giving 12.
OF_SKIPS = 64 * (12 + 12) + (64 * (12 + 4) + 64 * 16) + (256 + 128 + 16 * 32)
# Two in each residual block and the last one.
OF_BLOCKS = (256 + 128) + (128 + 64) + 64
# One in each cell.
OF_CELLS = 256 + 128 + 64


@pytest.mark.parametrize(
    ("genotype", "units"),
    [
        (Genotype("darts", normal=SKIPS, reduce=SKIPS), OF_SKIPS),
        ("|avg_pool_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|", 0),
        ("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|", 0),
        ("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|avg_pool_3x3~1|none~2|", 1),
        ("|none~0|+|none~0|nor_conv_1x1~1|+|nor_conv_1x1~0|none~1|none~2|", 1),
    ],
    ids=str,
)
def test_naswot_counts_the_units_from_which_the_logits_depend(genotype, units):
    """Of one image K is their number."""
    if isinstance(genotype, str):
        genotype = nasbench201.from_string(genotype)
        units = OF_BLOCKS + units * OF_CELLS
    network = build_network(
        genotype, input_shape=(8, 8, 1), channels=4, cells=3
    )
    score = proxies.naswot(network, np.ones((1, 8, 8, 1), "f"))
    assert score == pytest.approx(np.log(units), rel=1e-9)


def test_a_cell_that_no_image_passes_has_the_least_naswot():
    """Found by chance as often as any other, it must not end the search."""
    cell = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"
    network = build_network(
        nasbench201.from_string(cell),
        input_shape=(8, 8, 1),
        channels=4,
        cells=3,
    )
    images = np.random.default_rng(1).normal(size=(4, 8, 8, 1)).astype("f")
    assert proxies.naswot(network, images) == 0


def test_images_that_look_alike_have_the_worst_naswot():
    network = dense(7, activation="relu")
    assert proxies.naswot(network, np.ones((2, 5), "f")) == -np.inf


def test_synflow_is_the_flow_through_every_layer():
    """R is linear in each layer's weights, so each adds R to the sum."""
    network = dense(6, 3, 2)
    flow = np.ones(5)
    for weights in network.get_weights():
        flow = flow @ np.abs(weights)
    before = network.get_weights()
    expected = np.log(3 * flow.sum())
    assert proxies.synflow(network) == pytest.approx(expected, rel=1e-5)
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_synflow_passes_the_bound_of_relu6():
    """And leaves it as it is."""
    bounded = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(6),
            keras.layers.ReLU(6.0),
            keras.layers.Dense(3),
        ]
    )
    bounded.set_weights([9 * np.ones(w.shape) for w in bounded.get_weights()])
    # R = 3 * 6 * (5 * 9 + 9) * 9 + 3 * 9; kernels carry what biases do not.
    kernels = 3 * 6 * 5 * 9 * 9
    expected = np.log(2 * kernels + 2 * 3 * 6 * 9 * 9 + 3 * 9)
    assert proxies.synflow(bounded) == pytest.approx(expected, rel=1e-6)
    assert bounded(np.ones((1, 5), "f")).numpy() == pytest.approx(6 * 54 + 9)


def mobile_network(genotype):
    keras.utils.set_random_seed(0)
    return build_network(genotype, input_shape=(8, 8, 1), channels=8)


@pytest.fixture(scope="module")
def bottlenecks():
    """The network of a random cell of the mobile space."""
    draw = np.random.default_rng(0)
    chosen = {
        name: str(draw.choice(options))
        for name, options in spaces.get("mobile").choices().items()
    }
    return mobile_network(spaces.get("mobile").genotype(chosen))


def test_naswot_tells_mobile_networks_apart(bottlenecks):
    skips = mobile_network(Genotype("mobile", layers=("skip",) * 19))
    images = np.random.default_rng(0).normal(size=(8, 8, 8, 1)).astype("f")
    scores = [proxies.naswot(n, images) for n in (bottlenecks, skips)]
    assert np.isfinite(scores).all()
    assert scores[0] > scores[1]


def test_all_of_a_mobile_network_carries_flow(bottlenecks):
    gradients = proxies.sensitivities(bottlenecks)
    assert len(gradients) > 100
    assert all(gradient.any() for gradient in gradients)


@pytest.mark.parametrize("proxy", ["naswot", "synflow"])
def test_a_cell_of_convolutions_scores_above_one_of_nothing(proxy):
    def score(op):
        keras.utils.set_random_seed(0)
        network = build_network(
            nasbench201.SPACE.genotype(
                dict.fromkeys(nasbench201.SPACE.choices(), "none")
                | dict.fromkeys(("0_1", "1_2", "2_3", "0_3"), op),
            ),
            input_shape=(8, 8, 1),
            channels=4,
            cells=3,
        )
        images = np.random.default_rng(0).normal(size=(8, 8, 8, 1))
        if proxy == "synflow":
            return proxies.synflow(network)
        return proxies.naswot(network, images.astype("f"))

    assert score("nor_conv_3x3") > score("none")


# === Shared weights ===


@pytest.mark.parametrize("space", ["darts", "nasbench201"])
def test_a_supernet_can_be_put_to_any_cell(space):
    size = {"input_shape": (8, 8, 1), "channels": 2, "cells": 3}
    method = methods.get("darts").with_flags({"space": space})
    supernet = {"darts": Supernet, "nasbench201": BenchSupernet}[space](
        method, **size
    )
    draw = np.random.default_rng(0)
    choices = spaces.get(space).choices()
    for _ in range(5):
        chosen = {k: str(draw.choice(v)) for k, v in choices.items()}
        genotype = spaces.get(space).genotype(chosen)
        shared_weights.put(supernet, genotype)
        weights = supernet.mixing_weights()
        for own in weights.values():
            shares = np.asarray(own["alphas"])
            assert set(np.unique(shares.round())) == {0.0, 1.0}
            assert np.abs(shares - shares.round()).max() < 1e-6
        for kind, cell in supernet.derive().cells.items():
            expected = {
                (e.source, e.to, e.op) for e in genotype.cells[kind].edges
            }
            assert {(e.source, e.to, e.op) for e in cell.edges} == expected


# === Runs ===


@pytest.mark.parametrize("name", TITLES)
def test_a_baseline_writes_what_a_search_does(name, tmp_path):
    folder = tmp_path / "run"
    flags = {"trials": 2}
    if name == "evolution":  # the third is a child
        flags = {"trials": 3, "population": 2, "sample": 1}
    run(folder, name=name, **flags)
    found = Genotype.from_json(folder / "genotype.json")
    assert found.provenance["method"] == name
    table = rows(folder)
    best = max(table, key=lambda row: float(row["score"]))
    assert nasbench201.to_string(found) == nasbench201.to_string(
        nasbench201.SPACE.genotype(best)
    )
    assert found.provenance["score"] == pytest.approx(float(best["score"]))
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["trials"] == len(table) == flags["trials"]
    assert summary["network"]["cells"] == 15
    assert "--genotype=" in summary["next_command"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert TITLES[name] in page
    assert page.count("<svg") >= 3
    assert "cell k-1" not in page  # the cell has one input


def test_a_stopped_baseline_goes_on_with_the_trial_that_is_missing(
    tmp_path, monkeypatch
):
    whole = tmp_path / "whole"
    run(whole, trials=2)
    judge, calls = train_run.validate, []

    def stop_at_the_second(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return judge(*arguments)

    monkeypatch.setattr(train_run, "validate", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", trials=2)
    run(tmp_path / "stopped", trials=2, resume=True)
    assert len(calls) == 3
    for one, other in zip(rows(whole), rows(tmp_path / "stopped"), strict=True):
        del one["seconds"], other["seconds"]
        assert one == other


def test_a_supernet_of_an_earlier_version_goes_on_as_it_began(
    tmp_path, monkeypatch
):
    shared = shared_weights.SharedWeights
    monkeypatch.setattr(shared, "fit", lambda self, *a, **kw: None)
    values = {k: v for k, v in SMALL.items() if k != "deterministic"}
    config, recipe = baseline.resolve({**values, "name": "weight_sharing"})
    dataset = data.subset(data.load("digits"), 80)
    for state in ({}, {"recipe": {"cutout": 0, "momentum": 0.5}}):
        supernet = shared(config, recipe, dataset, tf.distribute.get_strategy())
        arrays = {p: v.numpy() for p, v in supernet.variables().items()}
        monkeypatch.setattr(
            shared, "load", lambda self, found=(arrays, state): found
        )
        supernet.train(None)
        momentum = state.get("recipe", {"momentum": 0.9})["momentum"]
        assert supernet.model.optimizer.momentum == momentum
        assert supernet.model.recipe.cutout == supernet.recipe.cutout == 0
        # What it began with is what its next checkpoint says.
        assert supernet.state()[1]["recipe"]["cutout"] == 0


def test_a_baseline_tries_only_cells_that_cost_as_much_as_like(
    tmp_path, monkeypatch
):
    """Of DARTS's cells every second one drawn costs more or less."""
    monkeypatch.setattr(proxies, "naswot", lambda *arguments: 1.0)
    asked = tmp_path / "asked.json"
    asked.write_text(zoo.genotype("DARTS_V2").to_json())
    flags = {"name": "naswot", "space": "darts", "like": asked, "trials": 6}
    run(tmp_path / "run", **flags)
    asked.unlink()  # its cells are in config.json, so the run can go on
    baseline.main(["baseline", f"--out={tmp_path / 'run'}", "--resume"])
    cost = partial(
        built_cost,
        channels=SMALL["channels"],
        cells=SMALL["cells"],
        input_shape=(8, 8, 1),
    )
    least, most = (
        share * cost(zoo.genotype("DARTS_V2")).multiply_adds
        for share in (0.85, 1.15)
    )
    space, tried = spaces.get("darts"), rows(tmp_path / "run")
    tried = [{k: r[k] for k in space.choices()} for r in tried]
    costs = [cost(space.genotype(each)).multiply_adds for each in tried]
    assert all(least <= each <= most for each in costs)
    assert len(set(costs)) > 1


def test_a_score_that_is_not_finite_ends_the_run_and_keeps_the_others(
    tmp_path, monkeypatch
):
    scores = iter([3.0, 2.0, -np.inf, 5.0])
    monkeypatch.setattr(proxies, "naswot", lambda *arguments: next(scores))
    with pytest.raises(UserError, match="^--name=naswot: trial 3 ") as error:
        run(tmp_path / "run", name="naswot")
    assert "\n" not in str(error.value)
    assert [row["score"] for row in rows(tmp_path / "run")] == ["3.0", "2.0"]
    run(tmp_path / "run", name="naswot", resume=True)
    kept = [row["score"] for row in rows(tmp_path / "run")]
    assert kept == ["3.0", "2.0", "5.0"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--name=randon"], "--name=randon"),
        (["--trials=0"], "--trials=0: use 1 or more"),
        (["--sample=11"], "--sample=11: is more than --population=10"),
        (["--seed=-1"], "--seed=-1: use 0 to"),
        (["--space=nasbench201", "--cells=4"], "multiple of 3"),
        (["--space=mobile", "--drop_path=0.2"], "--drop_path=0.2"),
        (["--space=mobile", "--name=weight_sharing"], "no supernet of"),
        (["--train_images=1"], "--train_images=1: use 2 or more"),
    ],
)
def test_wrong_arguments_are_one_line(arguments, message):
    with pytest.raises(UserError) as error:
        baseline.main(["baseline", *arguments])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_tuner_is_one_line(monkeypatch):
    monkeypatch.setattr(trials.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'tfnas\[tune\]'"):
        baseline.main(["baseline"])


def test_help_needs_no_tensorflow():
    words = [sys.executable, "-X", "importtime", "-m", "tfnas.baseline"]
    done = subprocess.run(
        [*words, "--space=nasbench201", "--help"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "6 choices" in done.stdout
    assert "tensorflow" not in done.stderr
