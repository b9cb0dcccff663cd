"""`python -m tfnas.benchmark`: its numbers, its table, its errors, a run."""

import collections
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfnas import benchmark, cost, zoo
from tfnas.benchmark import limits
from tfnas.benchmark import printing as table
from tfnas.benchmark.cases import Case, groups
from tfnas.benchmark.config import BenchmarkConfig
from tfnas.benchmark.run import Worker, _compare
from tfnas.errors import UserError

ROOT = Path(__file__).parents[1]
TINY = {"channels": 2, "cells": 3, "image_size": 8, "batch": 2, "rounds": 1}
TINY["threads"] = 1


# === The machine's limit ===


def test_the_work_of_the_paper_s_supernet():
    config = BenchmarkConfig()
    multiply_adds = limits.search_multiply_adds(config)
    assert multiply_adds == pytest.approx(300.3e6, rel=2e-4)
    elements = cost.edge_outputs((32, 32), channels=16, cells=8)
    assert elements == pytest.approx(0.975e6, rel=2e-4)


def test_the_floor_is_work_over_speed():
    config = BenchmarkConfig(batch=2)
    one_second_of_work = 5 * 2 * limits.search_multiply_adds(config) * 2
    one_second_of_copy = (
        180 * 4 * cost.edge_outputs((32, 32), channels=16, cells=8) * 2
    )
    assert limits.floor(
        config, one_second_of_work, one_second_of_copy
    ) == pytest.approx(2)


def test_fewer_candidates_are_less_work():
    three = BenchmarkConfig(operations_kept=3)
    for rows in limits.candidates(three).values():
        counts = collections.Counter(name for row in rows for name in row)
        assert len(rows) == 14 and set(map(len, rows)) == {3}
        # 3 of 8 on each of 14 edges are 5.25 of each.
        assert len(counts) == 8 and set(counts.values()) <= {4, 5, 6}
    every = limits.search_multiply_adds(BenchmarkConfig())
    assert limits.search_multiply_adds(three) < every


def test_the_genotype_is_the_published_one():
    found = cost.network_cost(zoo.genotype("DARTS_V2"))
    assert found.parameters == 3349342  # 3.3 M in DARTS, table 1


# === What is measured, and how it is shown ===


def test_every_case_has_a_place():
    found = groups(BenchmarkConfig(second_order=True))
    assert [len(group) for group in found] == [4, 2, 4, 3]
    found = groups(BenchmarkConfig(variants=("baseline",), second_order=True))
    assert [group[0].part for group in found] == [
        "search",
        "retraining",
        "inference",
    ]


def test_darts_stands_beside_another_search():
    config = BenchmarkConfig(
        method="pdarts", operations_kept=3, variants=("fast", "darts")
    )
    search, retraining, _ = groups(config)
    own, darts = (case.measured(config) for case in search)
    assert (own.method, own.operations_kept) == ("pdarts", 3)
    assert (darts.method, darts.operations_kept) == ("darts", None)
    assert [case.variant for case in retraining] == ["fast"]


def test_the_table_shows_what_is_known():
    step = {"what": "alpha + weights", "multiply_adds_per_second": 2e9}
    more = {"over_floor": 3, "over_reference": 0.4, "peak_bytes": 2e9}
    more["over_beside"] = 0.75
    fast = {**step, **more, "variant": "fast", "seconds": 1.2}
    loose = {**step, "variant": "no determinism", "seconds": 1.0}
    missing = {"what": "inference", "variant": "ONNX Runtime", "note": "why"}
    machine = {"gemm": 1e11, "copy": 2e10, "processor": "Own", "oneDNN": False}
    machine["features"] = ["AVX2", "AVX-512"]
    result = {"machine": machine, "floor": 0.4}
    lines = list(table.lines({**result, "rows": [fast, loose, missing]}))
    assert lines[0] == "Own: AVX2, AVX-512; oneDNN off"
    assert lines[1].startswith("GEMM 100.0 GFLOP/s, copy 20.0 GB/s")
    assert lines[5] == (
        "| alpha + weights | fast | 1.2 | 2 | 3.00 | 0.40 | 0.75 | 2.00 |  |"
    )
    assert lines[7] == "inference, ONNX Runtime: not measured: why"
    assert lines[8] == "alpha + weights: determinism costs +20%"


def test_a_worker_reads_the_configuration_that_was_sent():
    from tfnas.benchmark import subjects

    config = BenchmarkConfig(**TINY, parts=("search",), variants=("fast",))
    job = json.loads(json.dumps(vars(config)))
    assert subjects.asked(job) == config


@pytest.mark.parametrize("part", ["search", "retraining"])
def test_without_a_checkout_the_baseline_is_one_line(
    part, tmp_path, monkeypatch
):
    from tfnas.benchmark import subjects

    monkeypatch.setattr(subjects, "TESTS", tmp_path)
    job = {**vars(BenchmarkConfig(**TINY)), "part": part, "variant": "baseline"}
    with pytest.raises(UserError, match="has the baseline; run"):
        subjects.SUBJECTS[part](job)


def test_another_checkout_takes_turns():
    config = BenchmarkConfig(
        variants=("fast", "plain"), second_order=True, beside=str(ROOT)
    )
    found = [[case.variant for case in group] for group in groups(config)]
    trained, inference = ["fast", "plain", "beside"], found[-1]
    assert found == [trained, trained, trained, inference]
    rows = [
        {"what": "second order", "variant": variant, "seconds": seconds}
        for variant, seconds in (("fast", 3.0), ("plain", 5.0), ("beside", 4.0))
    ]
    for row in rows:
        _compare(row, rows, config, {"gemm": 1.0, "copy": 1.0})
    assert [row.get("over_beside") for row in rows] == [0.75, None, None]


def test_the_other_checkout_s_worker_is_its_own(tmp_path):
    """It is a copy that says so."""
    package = tmp_path / "tfnas" / "benchmark"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "worker.py").write_text(
        "import json, sys\n"
        "job = json.loads(sys.stdin.readline())\n"
        "print(json.dumps({'note': job['variant'] + ' of another'}))\n"
    )
    config = BenchmarkConfig(**TINY, beside=str(tmp_path))
    with Worker(Case("cooking", "beside"), config) as worker:
        assert worker.note == "fast of another"
    with Worker(Case("cooking", "fast"), config) as worker:
        assert not worker.steps
        assert "cooking" in worker.note  # a worker that fails says why


@pytest.mark.slow
def test_a_tiny_run(tmp_path):
    path = tmp_path / "speed.json"
    flags = [f"--{name}={value}" for name, value in TINY.items()]
    done = subprocess.run(
        [sys.executable, "-m", "tfnas.benchmark", *flags, f"--json={path}"]
        + ["--parts=retraining,inference", "--variants=fast,baseline"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TF_ENABLE_ONEDNN_OPTS": "0"},
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(path.read_text())
    assert result["config"]["channels"] == 2
    assert result["machine"]["gemm"] > 1e9
    assert result["machine"]["copy"] > 1e8
    rows = {(row["what"], row["variant"]): row for row in result["rows"]}
    for variant in ("fast", "baseline"):
        row = rows["retraining", variant]
        assert row["seconds"] > 0
        assert row["peak_bytes"] > 1e8
        assert row["startup_seconds"] > row["seconds"]
    assert rows["retraining", "baseline"]["over_reference"] == 1
    for images in (1, 2):
        for runtime in ("Keras", "SavedModel"):
            assert rows[f"inference, batch {images}", runtime]["seconds"] > 0
    assert result["machine"]["oneDNN"] is False
    assert done.stdout.splitlines()[0].endswith("; oneDNN off")


@pytest.mark.slow
def test_a_tiny_search(tmp_path):
    path = tmp_path / "speed.json"
    flags = [f"--{name}={value}" for name, value in TINY.items()]
    subprocess.run(
        [sys.executable, "-m", "tfnas.benchmark", *flags, f"--json={path}"]
        + ["--parts=search", "--second_order"],
        check=True,
        cwd=ROOT,
    )
    rows = json.loads(path.read_text())["rows"]
    assert not [row for row in rows if "note" in row]
    seconds = {(r["what"], r["variant"]): r["seconds"] for r in rows}
    assert len(seconds) == 3 * 3 + 1 + 2
    assert seconds["alpha + weights", "fast"] == pytest.approx(
        seconds["alpha", "fast"] + seconds["weights", "fast"]
    )


# === Arguments ===


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--batch=0", "--batch=0: use 1 or more"),
        ("--cells=2", "--cells=2: use 3 or more"),
        ("--parts=cooking", "--parts=cooking: choose from search, "),
        ("--method=dart", "--method=dart: no such method; did you mean darts"),
        ("--operations_kept=9", "--operations_kept=9: darts has 8 candidates"),
        (
            "--beside=tests",
            "--beside=tests: there is no tfnas/benchmark/worker.py; give",
        ),
        ("--json=no/such/file", "--json=no/such/file: its folder does not"),
        ("--rounds=many", "--rounds=many: give a whole number"),
    ],
)
def test_a_wrong_argument_is_one_line(flag, message):
    with pytest.raises(UserError) as error:
        benchmark.main(["benchmark", flag])
    assert str(error.value).startswith(message)


def test_help_lists_every_flag(capsys):
    benchmark.main(["benchmark", "--help"])
    printed = capsys.readouterr().out
    assert "--second_order=false" in printed
    assert "--variants=fast,plain,baseline,no determinism" in printed
