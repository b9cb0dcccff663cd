"""Searches from end to end, tiny: every method, and mixtures of methods.

They run in this process, through the command's `main`.
"""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import let_go
from running import final_state
from tensorflow.python.framework import config as tensorflow_config

from tfnas import derivation, schedule
from tfnas.compare import measuring
from tfnas.genotype import ATTENTIONS, Genotype
from tfnas.search import config as search
from tfnas.search import run as search_run
from tfnas.spaces.darts import KINDS, edges

TINY = {
    "channels": 4,
    "cells": 3,
    "nodes": 1,
    "epochs": 1,
    "batch_size": 256,
    "train_images": 600,
    "operations": "none,max_pool_3x3,skip_connect,sep_conv_3x3",
}
STAGES = {
    "cells": "3,3",
    "operations_kept": 3,
    "skip_dropout": "0,0.3",
    "epochs": 2,
    "warmup_epochs": 1,
}
CASES = {
    # === The methods ===
    "darts": {"nodes": 2},
    "fair_darts": {"method": "fair_darts", "operations": "skip_connect"},
    "att_darts": {"method": "att_darts", "operations": "none,skip_connect"},
    "pc_darts": {"method": "pc_darts", "epochs": 2, "warmup_epochs": 1},
    "pdarts": {"method": "pdarts", **STAGES},
    "gdas": {"method": "gdas"},
    "drnas": {
        "method": "drnas",
        "partial_channels": 4,
        "later_partial_channels": 2,
        "dirichlet_kl": 0.001,
        **STAGES,
        "operations": "max_pool_3x3,skip_connect,sep_conv_3x3",
        "operations_kept": 2,
        "skip_dropout": "0,0",
        "epochs": 1,
        "warmup_epochs": 0,
    },
    "att_darts with every kind": {"method": "att_darts"},
    # === Mixtures ===
    "attention in stages": {
        "method": "pdarts",
        "attention": "after_every",
        **STAGES,
        "epochs": 1,
        "warmup_epochs": 0,
    },
    "sigmoids in stages": {"method": "fair_darts", **STAGES},
    "a part until skips take over": {
        "method": "pc_darts",
        "operations": "none,skip_connect",
        "beta_decay": 10,
        "stop_skips": 1,
        "epochs": 3,
        "warmup_epochs": 0,
    },
    "all that darts may be told": {
        "nodes": 2,
        "auxiliary_skip": "true",
        "smoothing": 0.3,
        "budget_macs": 100,
        "inner_steps": 2,
        "order": 2,
        "batch_size": 128,
        "operations": "skip_connect,avg_pool_3x3",
    },
    "attention among the operations": {
        "method": "att_darts",
        "attention": "mixed_with_operation",
    },
    "attention at the end of parts": {
        "method": "pc_darts",
        "attention": "end",
        "warmup_epochs": 0,
    },
    "sigmoids in the mobile space": {
        "method": "fair_darts",
        "space": "mobile",
        "channels": 8,
        "operations": None,
        "nodes": None,
        "cells": None,
    },
}
LONG = {
    "gdas",
    "att_darts with every kind",
    "sigmoids in stages",
    "attention in stages",
    "attention among the operations",
    "attention at the end of parts",
    "sigmoids in the mobile space",
}
EACH = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[pytest.mark.slow] if case in LONG else [])
        for case in CASES
    ],
)


@pytest.fixture(scope="module", autouse=True)
def process_as_before():
    """A search makes its process deterministic; other tests need not be."""
    yield
    tensorflow_config.disable_op_determinism()


def arguments(case, folder, *more):
    flags = TINY | CASES[case] | {"out": folder}
    flags = [f"--{k}={v}" for k, v in flags.items() if v is not None]
    return ["search", *flags, *more]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """From a case to the folder of its search, which runs once."""
    folders = {}

    def run(case):
        if case not in folders:
            folder = tmp_path_factory.mktemp("runs") / "run"
            with let_go():
                assert search.main(arguments(case, folder)) == 0
            folders[case] = folder
        return folders[case]

    return run


def read(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def rows(folder):
    with open(folder / "history.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def arrays(folder):
    with np.load(folder / "alphas.npz", allow_pickle=False) as file:
        return dict(file)


def method_of(case):
    """The method of a case with all its values."""
    flags = search.command.parse(
        arguments(case, "run"), search.SearchConfig, search.Method
    )
    return search.resolve(flags)[1]


# === Every search ===


@EACH
def test_the_genotype_is_sound_and_the_report_is_there(case, found):
    folder, method = found(case), method_of(case)
    genotype = Genotype.from_json(folder / "genotype.json")
    genotype.validate()
    assert genotype.space == method.space
    assert genotype.provenance["method"] == method.name
    page = (folder / "report.html").read_text(encoding="utf-8")
    for counts in genotype.operation_counts().values():
        assert all(name in page for name in counts)
    # A chain of layers has a table in place of a drawing.
    assert "<svg" in page or genotype.space == "mobile"
    network = read(folder, "summary.json")["network"]
    assert network["parameters"] > 0
    # The last epoch's genotype is the one that is kept.
    last = read(folder, "genotypes.json")[-1]["genotype"]
    ours = read(folder, "genotype.json")
    for part in ("normal", "reduce", "layers"):
        assert last.get(part) == ours.get(part)


@EACH
def test_the_history_has_a_row_for_every_epoch(case, found):
    method, history = method_of(case), rows(found(case))
    stages = len(method.cells)
    epochs = 1 if method.stop_skips else method.epochs
    assert [(int(r["stage"]), int(r["epoch"])) for r in history] == [
        (stage, epoch + 1) for stage in range(stages) for epoch in range(epochs)
    ]
    for row in history:
        assert float(row["train_loss"]) > 0
        assert float(row["valid_loss"]) > 0
        warmup = int(row["epoch"]) <= method.warmup_epochs
        assert (row["alpha_loss"] == "") == warmup


@EACH
def test_alpha_rests_in_the_warm_up_and_moves_after_it(case, found):
    method, kept = method_of(case), arrays(found(case))
    for name, values in kept.items():
        if "operations" in name:
            continue
        for epoch, (a, b) in enumerate(zip(values, values[1:], strict=False)):
            assert np.array_equal(a, b) == (epoch < method.warmup_epochs), name


@EACH
def test_a_stage_searches_among_the_best_of_the_one_before(case, found):
    method, kept = method_of(case), arrays(found(case))
    for stage in range(1, len(method.cells)):
        for kind in KINDS:
            before, now = (
                kept[f"stage{s}/operations_{kind}"].tolist()
                for s in (stage - 1, stage)
            )
            expected = schedule.surviving_operations(
                derivation.mixing_weights(
                    method.relaxation,
                    kept[f"stage{stage - 1}/alphas_{kind}"][-1],
                ),
                before,
                method.operations_kept[stage - 1],
            )
            assert [tuple(names) for names in now] == list(expected)
            for names, earlier in zip(now, before, strict=True):
                assert len(names) == method.operations_kept[stage - 1]
                assert set(names) < set(earlier)


# === Single searches ===


def test_a_threshold_that_nothing_reaches_stays_in_the_file(found):
    """One epoch leaves the sigmoids of Fair DARTS near a half."""
    folder = found("fair_darts")
    provenance = Genotype.from_json(folder / "genotype.json").provenance
    for kind in KINDS:
        shares = derivation.sigmoid(arrays(folder)[f"stage0/alphas_{kind}"][-1])
        assert shares.max() < 0.85
        assert "0.85" in provenance[f"fallback_{kind}"]


def test_attentions_are_found(found):
    genotype = Genotype.from_json(found("att_darts") / "genotype.json")
    kept = arrays(found("att_darts"))
    for kind in KINDS:
        best = kept[f"stage0/betas_{kind}"][-1].argmax(axis=1)
        for edge in getattr(genotype, kind).edges:
            row = edges(1).index((edge.source, edge.to))
            assert edge.attention == ATTENTIONS[best[row]]


def test_edges_are_weighed(found):
    kept = arrays(found("pc_darts"))
    assert kept["stage0/edges_normal"].shape == (3, 2)


def test_survivors_keep_their_alpha_and_mix_more_channels(found):
    kept = arrays(found("drnas"))
    for kind in KINDS:
        before, names, now, left = (
            kept[f"stage{stage}/{what}_{kind}"]
            for stage in (0, 1)
            for what in ("alphas", "operations")
        )
        for row, among, start, chosen in zip(
            before[-1], names, now[0], left, strict=True
        ):
            places = [list(among).index(name) for name in chosen]
            np.testing.assert_array_equal(start, row[places])
    stages = method_of("drnas").stages()
    assert [stage.partial_channels for stage in stages] == [4, 2]
    state = final_state(found("drnas"))
    mixed = {
        state[name].shape
        for name in state
        if "/cell_0/state" in name and name.endswith("moving_mean")
    }
    assert mixed == {(4 // 2,)}


def test_a_later_stage_s_supernet_is_built_again_from_its_run(found):
    """With its own share of the channels, as `tfnas.compare` prunes it."""
    folder = found("drnas")
    run = SimpleNamespace(folder=folder, config=read(folder, "config.json"))
    supernet = measuring.restored(run)[0]
    for name, variable in supernet.architecture.items():
        last = arrays(folder)[f"stage1/{name}"][-1]
        np.testing.assert_array_equal(variable, last)


def test_the_record_says_what_was_mixed(found):
    case = "all that darts may be told"
    recorded = read(found(case), "config.json")["method"]
    assert {k: recorded[k] for k in ("order", "inner_steps", "smoothing")} == {
        "order": 2,
        "inner_steps": 2,
        "smoothing": 0.3,
    }


# === Killed and resumed ===


class Killed(BaseException):
    """What no part of a search may catch."""


def kill(*_, **__):
    raise Killed


@pytest.fixture
def broken(found, tmp_path, monkeypatch):
    """Runs a case until a function is called, then the rest of it."""

    def run(case, place, name, replacement=kill):
        folder = tmp_path / "run"
        with monkeypatch.context() as patched:
            patched.setattr(place, name, replacement)
            with pytest.raises(Killed):
                search.main(arguments(case, folder))
        assert not (folder / "genotype.json").exists()
        search.main(arguments(case, folder, "--resume"))
        return folder, found(case)

    return run


def assert_same_search(folder, unbroken):
    first, second = arrays(folder), arrays(unbroken)
    assert first.keys() == second.keys()
    for name, array in first.items():
        assert np.array_equal(array, second[name]), name
    for name in ("genotype.json", "genotypes.json"):
        assert (folder / name).read_bytes() == (unbroken / name).read_bytes()
    for a, b in zip(rows(folder), rows(unbroken), strict=True):
        assert a | {"seconds": ""} == b | {"seconds": ""}


# test_resume.py kills P-DARTS across a stage's border every day.
@pytest.mark.slow
@pytest.mark.parametrize("case", ["pdarts", "sigmoids in stages", "drnas"])
def test_a_search_killed_between_its_stages_finds_the_same(case, broken):
    start = search_run._Search._start_stage

    def killed(self, stage, operations):
        if stage == 1:
            kill()
        start(self, stage, operations)

    assert_same_search(
        *broken(case, search_run._Search, "_start_stage", killed)
    )


def test_a_search_that_skips_have_stopped_stays_stopped(broken):
    case = "a part until skips take over"
    folder, unbroken = broken(case, search_run._Search, "_described")
    assert len(rows(folder)) == 1
    assert_same_search(folder, unbroken)
