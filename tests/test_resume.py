"""Runs that are stopped at any step and go on bit for bit."""

import csv
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from running import (
    ROOT,
    SMALL,
    arrays,
    final_state,
    finish,
    is_writing,
    newest,
    run,
    start,
)

from tfnas.cli.interruption import EXIT_CODE, READER_LEFT

# Each makes about seventy checkpoints.
CASES = {
    "darts": [
        *("search", *SMALL, "--nodes=1", "--batch_size=16", "--epochs=5"),
        "--operations=max_pool_3x3,skip_connect,dil_conv_3x3",
    ],
    "pdarts": [
        *("search", "--method=pdarts", "--nodes=1", "--batch_size=24"),
        *("--channels=4", "--cells=3,3", "--operations_kept=2"),
        "--operations=max_pool_3x3,skip_connect,dil_conv_3x3",
        *("--skip_dropout=0.2,0.4", "--epochs=4", "--train_images=240"),
        *("--warmup_epochs=1", "--smoothing=0.3"),
    ],
    "gdas": [
        *("search", "--method=gdas", *SMALL, "--nodes=1", "--batch_size=16"),
        *("--epochs=5", "--operations=max_pool_3x3,skip_connect,dil_conv_3x3"),
    ],
    "drnas": [
        *("search", "--method=drnas", "--nodes=1", "--batch_size=24"),
        *("--channels=4", "--cells=3,3", "--operations_kept=2"),
        "--operations=max_pool_3x3,skip_connect,dil_conv_3x3",
        *("--epochs=4", "--train_images=240", "--warmup_epochs=1"),
        "--dirichlet_kl=0.001",
    ],
    "training": [
        *("train", "--genotype=tests/small_genotype.json", *SMALL),
        *("--batch_size=16", "--valid_images=40", "--drop_path=0.2"),
        *("--epochs=5", "--nesterov", "--schedule=one_cycle"),
        "--average_weights=0.9",
    ],
}
CHECKPOINTS = 60


def assert_same_end(case, out, whole):
    """Weights, statistics, optimizers, alpha and results, bit for bit."""
    state, expected = final_state(out), final_state(whole)
    assert state.keys() == expected.keys()
    for name, array in expected.items():
        assert np.array_equal(state[name], array), name
    names = ["genotype.json", "genotypes.json"]
    if case == "training":
        names[1:] = ["last.safetensors", "best.safetensors", "confusion.csv"]
    for name in names:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    if case != "training":
        alphas = arrays(out / "alphas.npz")
        every = arrays(whole / "alphas.npz")
        assert alphas.keys() == every.keys()
        for name, array in every.items():
            assert np.array_equal(alphas[name], array), name


def stop_after(process, out, count, number, *, delay=0.0, writing=False):
    """Send a signal once so many checkpoints more are there.

    Args:
        delay: seconds to wait after that.
        writing: whether to wait until the next checkpoint is being written.
    """
    until = newest(out) + count
    while newest(out) < until and process.poll() is None:
        time.sleep(0.002)
    time.sleep(delay)
    while writing and process.poll() is None and not halted_in(process, out):
        pass
    process.send_signal(number)


def halted_in(process, out):
    """Whether a process, halted when it wrote a checkpoint, still writes it."""
    if not is_writing(out):
        return False
    process.send_signal(signal.SIGSTOP)
    while state_of(process) not in "TZX":
        pass
    if is_writing(out):
        return True
    process.send_signal(signal.SIGCONT)
    return False


def state_of(process):
    """A letter, as in `man 5 proc_pid_stat`: T is halted, X is gone."""
    try:
        text = Path(f"/proc/{process.pid}/stat").read_text()
    except FileNotFoundError:
        return "X"
    return text.rpartition(")")[2].split()[0]


@pytest.fixture
def whole(once):
    """case -> the folder of a run that nothing interrupted.

    A process of its own, so that it has other hashes than those that resume.
    """

    def of(case):
        def fill(folder):
            run(*CASES[case], out=folder / "run", process=subprocess.Popen)

        return once(f"whole_{case}", fill) / "run"

    return of


def kill_and_resume(case, whole, out, kills):
    """Kill a run at random moments, every other time in a checkpoint."""
    random = np.random.default_rng(len(case))
    least, most = max(1, CHECKPOINTS // 2 // kills), CHECKPOINTS // kills
    torn = 0
    for number in range(kills):
        process = start(*CASES[case], out=out)
        stop_after(
            process,
            out,
            int(random.integers(least, most)),
            signal.SIGKILL,
            delay=float(random.random() / 20),
            writing=number % 2 == 0,
        )
        code, _, err = finish(process)
        assert code == -signal.SIGKILL, f"ended before kill {number}: {err}"
        torn += is_writing(out)
    assert torn
    run(*CASES[case], out=out)
    assert_same_end(case, out, whole(case))
    print(f"{case}: {kills} kills, {torn} of them within a checkpoint")


# P-DARTS's stages are searches such as that of DARTS.
@pytest.mark.parametrize("case", ["pdarts", "training"])
def test_two_kills_change_nothing(case, whole, tmp_path):
    kill_and_resume(case, whole, tmp_path / "run", 2)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_twenty_kills_change_nothing(case, whole, tmp_path):
    kill_and_resume(case, whole, tmp_path / "run", 20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_keeps_the_step_and_has_its_exit_code(number, whole, tmp_path):
    out = tmp_path / "run"
    process = start(*CASES["training"], out=out)
    stop_after(process, out, 2, number)
    code, _, err = finish(process)
    assert code == EXIT_CODE, err
    line = err.strip().splitlines()[-1]
    assert line.startswith(f"stopped: {signal.Signals(number).name}: kept ")
    assert line.endswith("repeat the command with --resume")
    assert not is_writing(out)
    kept = newest(out)
    if number == signal.SIGTERM:  # and then the disk lost half of a file
        torn = out / "checkpoints" / f"{kept:06d}" / "state.npz"
        torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    said = run(*CASES["training"], out=out)
    assert "Resuming " in said
    assert (f"{kept:06d}: damaged (" in said) == (number == signal.SIGTERM)
    assert_same_end("training", out, whole("training"))


# faults/test_disks.py does this every day, in the first epoch.
@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_reader_that_leaves_costs_nothing(case, whole, tmp_path):
    """As with `| grep -m1 "Epoch 2"`."""
    out = tmp_path / "run"
    with start(*CASES[case], out=out) as process:
        for line in process.stdout:
            if line.startswith("Epoch 2"):
                break
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == READER_LEFT, err
    assert err.strip().splitlines()[-1] == (
        "stopped: the reader of the output left; repeat the command with "
        "--resume"
    )
    assert not is_writing(out)
    assert not (out / "report.html").exists()
    assert re.search(r"Resuming after epoch \d", run(*CASES[case], out=out))
    assert_same_end(case, out, whole(case))


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["search", "--epochs=3"],
        ["train", "--genotype=DARTS_V2", "--epochs=3"],
    ],
    ids=lambda words: words[0],
)
def test_checkpoints_cost_less_than_two_percent(words, tmp_path):
    """Of the time of the epochs, at default settings.

    Each epoch makes one. One in ten minutes, inside of long epochs, costs
    less: then 12 seconds would be the two percent.
    """
    out = tmp_path / "run"
    subprocess.run(
        [sys.executable, "-m", f"tfnas.{words[0]}", *words[1:], f"--out={out}"],
        cwd=ROOT,
        check=True,
    )
    with open(out / "history.csv", newline="") as file:
        steps = sum(float(row["seconds"]) for row in csv.DictReader(file))
    spent = json.loads((out / "summary.json").read_text())["checkpoint_seconds"]
    print(f"{words[0]}: {spent:.3f} s of {steps:.1f} s")
    assert spent < 0.02 * steps
