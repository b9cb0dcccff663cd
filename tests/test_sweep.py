"""Sweeps: the tasks, what runs them, and the table that they end in."""

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tfnas.cli import command
from tfnas.cli.interruption import (
    EXIT_CODE,
    READER_LEFT,
    Interrupted,
    ReaderLeft,
)
from tfnas.errors import UserError
from tfnas.search import SearchConfig
from tfnas.search import config as search
from tfnas.sweep import config as sweep
from tfnas.sweep import engines, results, tasks
from tfnas.zoo import index

ROOT = Path(__file__).parents[1]
SMALL = ["--channels=2", "--cells=3", "--nodes=1", "--epochs=1"]
SMALL += ["--operations=max_pool_3x3,skip_connect"]
SMALL += ["--batch_size=256", "--train_images=300"]
TRAIN = "--epochs=1 --warmup_epochs=0 --channels=2 --cells=3 --train_images=90"


def plan(*flags):
    given = command.parse(
        ["sweep", *flags], SearchConfig, search.Method, sweep.SweepConfig
    )
    return sweep.resolve(given)[1]


def run_sweep(*flags, **options):
    return subprocess.run(
        [sys.executable, "-m", "tfnas.sweep", *flags],
        capture_output=True,
        text=True,
        cwd=ROOT,
        **options,
    )


# === Tasks ===


def test_the_grid_has_a_task_and_a_folder_for_each():
    found = plan(
        "--methods=darts,pdarts",
        "--datasets=digits,fashion_mnist",
        "--seeds=0,7",
        "--out=here",
        "--epochs=3",
    )
    assert [task.number for task in found] == list(range(8))
    assert [task.folder for task in found[:3]] == [
        "here/darts_digits_seed0",
        "here/darts_digits_seed7",
        "here/darts_fashion_mnist_seed0",
    ]
    assert found[-1].search == {
        "method": "pdarts",
        "dataset": "fashion_mnist",
        "seed": 7,
        "epochs": 3,
    }
    assert len({task.folder for task in found}) == 8


def test_a_value_given_twice_is_one_task():
    assert len(plan("--seeds=1,1,2", "--methods=darts,darts")) == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--method=darts"], "--method: a sweep sets it; use --methods"),
        (["--seed=1"], "--seed: a sweep sets it; use --seeds"),
        (["--resume"], "--resume: a sweep sets it"),
        (["--methods=darts,pdart"], "--method=pdart: no such method; did you"),
        (["--datasets=image_folder"], "set --data_dir"),
        (["--seeds=0,-1"], "--seeds=0,-1: use 0 or more"),
        (["--seeds="], "--seeds=: give"),
        (["--task=2", "--seeds=0,1"], "--task=2: there are 2; use 0 to 1"),
        (["--engine=slurm"], "--engine=slurm: use local or ray"),
        (["--epochs=0"], "--epochs=0: use 1 or more"),
        (["--train=--epoch=3"], "--epoch: no such flag; did you mean --epochs"),
        (["--train=--seed=3"], "--train=--seed: the training takes its search"),
        (["--batch_size=15", "--devices=cpu:2"], "does not divide among 2"),
    ],
)
def test_a_mistake_is_one_line_before_anything_runs(flags, message, tmp_path):
    with pytest.raises(UserError) as error:
        plan(f"--out={tmp_path}", *flags)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_plan_is_printed_without_tensorflow(tmp_path):
    code = (
        "import sys; from tfnas.sweep import main\n"
        "main(['sweep', '--methods=darts,pdarts', '--plan', '--out=here'])\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "  0  here/darts_digits_seed0  new",
        "  1  here/pdarts_digits_seed0  new",
        "2 tasks: --task=0 to --task=1",
    ]


# === Running them ===


class Runs:
    """A stand-in for the commands: leaves what a run of theirs leaves."""

    def __init__(self):
        self.started, self.codes = [], {}

    def start(self, words, environment=None):
        module, *flags = words[2:]
        given = dict(f[2:].split("=", 1) for f in flags)
        folder = Path(given["out"])
        self.started.append((module, folder.name, given))
        folder.mkdir(parents=True, exist_ok=True)
        write = getattr(self, module.split(".")[1])
        code = self.codes.get(folder.name, 0)
        write(folder, [module, *flags], code == 0)
        return code

    def search(self, folder, words, finished):
        given = command.parse(words, SearchConfig, search.Method)
        config, method = search.resolve(given)
        values = config.decisive(method)
        values["command"] = ["python", "-m", *words]
        self.write(folder, "config.json", values)
        if not finished:
            return
        typed = (
            f"python -m tfnas.train --genotype=DARTS_V2 --seed={config.seed}"
        )
        network = {"channels": 36, "cells": 20, "parameters": 5}
        network["multiply_adds"] = 6
        found = {"seconds": 1800, "network": network, "next_command": typed}
        self.write(folder, "summary.json", found)
        history = "epoch,valid_accuracy\n1,0.5\n2,0.75\n"
        (folder / "history.csv").write_text(history)
        (folder / "report.html").touch()

    def train(self, folder, words, finished):
        found = {"seconds": 3600, "parameters": 7, "multiply_adds": 8}
        found |= {"test_images": 360, "test_accuracy": 0.9}
        config = {"recipe": {"channels": 2, "cells": 3}}
        config |= {"command": ["python", "-m", *words]}
        config["genotype"] = {"space": "darts"}
        self.write(folder, "config.json", config)
        if finished:
            self.write(folder, "summary.json", found)
            (folder / "report.html").touch()

    def write(self, folder, name, value):
        (folder / name).write_text(json.dumps(value))


@pytest.fixture
def runs(monkeypatch):
    runs = Runs()
    monkeypatch.setattr(
        engines.Relay, "start", lambda _, *args, **kw: runs.start(*args, **kw)
    )
    return runs


def names(runs):
    return [name for _, name, _ in runs.started]


def test_what_is_finished_stays_and_what_was_stopped_goes_on(runs, tmp_path):
    found = plan("--seeds=0,1,2", f"--out={tmp_path}")
    runs.codes["darts_digits_seed1"] = 1
    with pytest.raises(UserError, match=r"seed1: 1 of 3 failed; see the"):
        engines.run_here(found)
    assert names(runs) == [f"darts_digits_seed{i}" for i in range(3)]
    assert [task.finished() for task in found] == [True, False, True]
    runs.started.clear()
    runs.codes.clear()
    engines.run_here(found)
    ((_, name, given),) = runs.started
    assert name == "darts_digits_seed1"
    assert given["resume"] == "true"


def test_a_finished_run_of_other_values_is_not_taken_for_it(
    runs, tmp_path, capsys
):
    engines.run_here(plan(f"--out={tmp_path}", "--epochs=3"))
    with pytest.raises(UserError, match="1 of 1 failed"):
        engines.run_here(plan(f"--out={tmp_path}", "--epochs=4"))
    assert "method.epochs was 3, now 4" in capsys.readouterr().err
    assert len(runs.started) == 1


def test_each_cell_is_trained_with_its_seed_and_the_flags_given(runs, tmp_path):
    found = plan("--seeds=4", f"--out={tmp_path}", "--train=--epochs=9")
    engines.run_here(found)
    module, name, given = runs.started[1]
    assert (module, name) == ("tfnas.train", "darts_digits_seed4_trained")
    assert given == {
        "genotype": "DARTS_V2",
        "seed": "4",
        "epochs": "9",
        "out": f"{tmp_path}/darts_digits_seed4_trained",
    }
    assert found[0].finished()


def test_a_search_that_failed_is_not_trained(runs, tmp_path):
    runs.codes["darts_digits_seed0"] = 1
    with pytest.raises(UserError):
        engines.run_here(plan(f"--out={tmp_path}", "--train=--epochs=9"))
    assert names(runs) == ["darts_digits_seed0"]


def test_a_run_that_was_stopped_stops_the_sweep(runs, tmp_path):
    runs.codes["darts_digits_seed0"] = EXIT_CODE
    with pytest.raises(Interrupted, match="repeat the command to"):
        engines.run_here(plan("--seeds=0,1", f"--out={tmp_path}"))
    assert names(runs) == ["darts_digits_seed0"]


def test_a_run_without_a_reader_stops_the_sweep(runs, tmp_path):
    runs.codes["darts_digits_seed0"] = READER_LEFT
    with pytest.raises(ReaderLeft, match="repeat the command to"):
        engines.run_here(plan("--seeds=0,1", f"--out={tmp_path}"))
    assert names(runs) == ["darts_digits_seed0"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_passed_on_as_sigterm(number, tmp_path):
    code = (
        "import sys\nfrom tfnas.sweep.engines import Relay\n"
        "with Relay() as relay:\n"
        "    code = relay.start(['sh', '-c', sys.argv[1]])\n"
        "    print(code, relay.stop, relay.start(['true']))"
    )
    child = "trap 'exit 75' TERM; touch here; while :; do sleep 0.1; done"
    process = subprocess.Popen(
        [sys.executable, "-c", code, child],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    while not (tmp_path / "here").exists():
        time.sleep(0.01)
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert out.split() == ["75", signal.Signals(number).name, "75"]


def test_ray_is_asked_for_in_one_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"--engine=ray: .*'tfnas\[ray\]'"):
        engines.run_on_ray([], 1, 0)


# === The table ===


def rows(folder):
    with open(folder / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_results_have_a_row_for_each_finished_search(runs, tmp_path):
    runs.codes["pdarts_digits_seed1"] = 1
    found = plan("--methods=darts,pdarts", "--seeds=0,1", f"--out={tmp_path}")
    with pytest.raises(UserError):
        engines.run_here(found)
    engines.run_here(
        plan("--methods=darts", f"--out={tmp_path}", "--train=--epochs=2")
    )
    assert results.gather(tmp_path) == [
        f"{tmp_path}/results.csv: 3 searches, 1 of them trained",
        "not finished: pdarts_digits_seed1",
    ]
    trained, searched, _ = rows(tmp_path)
    source = trained.pop("source")
    assert source.startswith("python -m tfnas.train --genotype=DARTS_V2")
    assert trained == {
        "name": "darts_digits_seed0",
        "method": "darts",
        "dataset": "digits",
        "seed": "0",
        "search_hours": "0.5",
        "supernet_accuracy_percent": "75.00",
        "channels": "2",
        "cells": "3",
        "parameters": "7",
        "multiply_adds": "8",
        "hours": "1.0",
        "test_images": "360",
        "test_accuracy_percent": "90.00",
    }
    assert searched["seed"] == "1"
    assert (searched["cells"], searched["test_accuracy_percent"]) == ("20", "")


def test_columns_are_the_zoo_s_where_they_mean_the_same():
    own = {"search_hours", "supernet_accuracy_percent"}
    assert set(results.COLUMNS) - own < set(index.COLUMNS)


def test_an_empty_folder_has_no_results(tmp_path):
    with pytest.raises(UserError, match="no finished search there"):
        results.gather(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_damaged_run_is_named(runs, tmp_path):
    engines.run_here(plan(f"--out={tmp_path}"))
    (tmp_path / "darts_digits_seed0" / "summary.json").write_text("{")
    with pytest.raises(UserError, match=r"summary\.json: not JSON"):
        results.gather(tmp_path)


# === With real runs ===


def test_a_sweep_searches_trains_gathers_and_is_then_done(tmp_path):
    flags = [*SMALL, f"--train={TRAIN}", f"--out={tmp_path}/sweep"]
    done = run_sweep(*flags, timeout=600)
    assert done.returncode == 0, done.stderr
    (row,) = rows(tmp_path / "sweep")
    assert (row["test_images"], row["cells"]) == ("360", "3")
    assert 0 <= float(row["test_accuracy_percent"]) <= 100
    again = run_sweep(*flags, "--task=0", timeout=60)
    assert again.returncode == 0, again.stderr
    folder = f"{tmp_path}/sweep/darts_digits_seed0"
    assert again.stdout.splitlines() == [
        f"{folder}: finished",
        f"{folder}_trained: finished",
    ]


def test_tasks_know_their_state(tmp_path):
    task = tasks.Task(0, str(tmp_path / "run"), {}, None)
    assert str(task).endswith("run  new")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").touch()
    assert str(task).endswith("run  begun")
    (tmp_path / "run" / "report.html").touch()
    assert str(task).endswith("run  finished")
