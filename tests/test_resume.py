"""Runs that are stopped at any step and go on bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tfnas.interruption import EXIT_CODE

ROOT = Path(__file__).parents[1]
SMALL = ["--channels=4", "--cells=3", "--epochs=3", "--train_images=240"]
CASES = {
    "darts": ["search", *SMALL, "--nodes=1", "--batch_size=16"],
    "pdarts": [
        *("search", "--method=pdarts", "--nodes=1", "--batch_size=24"),
        *("--channels=4", "--cells=3,3", "--operations_kept=4"),
        *("--skip_dropout=0.2,0.4", "--epochs=2", "--train_images=240"),
        *("--warmup_epochs=1",),
    ],
    "training": [
        *("train", "--genotype=zoo/genotypes/darts_digits.json", *SMALL),
        *("--batch_size=16", "--valid_images=40", "--drop_path=0.2"),
    ],
}
RESULT = {"darts": "alphas.npz", "pdarts": "alphas.npz"}


def start(case, folder, *flags, **options):
    """A run of a case, every step of which is a checkpoint."""
    module, *rest = CASES[case]
    if (folder / "config.json").exists():
        flags = (*flags, "--resume")
    return subprocess.Popen(
        [
            *(sys.executable, "-m", f"tfnas.{module}", *rest, *flags),
            f"--out={folder}",
            "--checkpoint_minutes=0",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )


def finish(process):
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def newest(folder):
    """The number of the newest checkpoint, or -1."""
    names = os.listdir(folder) if folder.is_dir() else []
    return max((int(name) for name in names if name.isdigit()), default=-1)


def final_state(folder):
    checkpoints = folder / "checkpoints"
    path = checkpoints / f"{newest(checkpoints):06d}" / "state.npz"
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def assert_same_end(case, folder, whole):
    """Weights, statistics, optimizers, alpha and genotype, bit for bit."""
    state, expected = final_state(folder), final_state(whole)
    assert state.keys() == expected.keys()
    for name, array in expected.items():
        assert np.array_equal(state[name], array), name
    name = "genotype.json"
    assert (folder / name).read_bytes() == (whole / name).read_bytes()
    if case in RESULT:
        with (
            np.load(folder / RESULT[case]) as one,
            np.load(whole / RESULT[case]) as two,
        ):
            assert set(one.files) == set(two.files)
            for name in one.files:
                assert np.array_equal(one[name], two[name]), name


def stop_after(process, folder, count, number, delay=0.0):
    """Send a signal once so many checkpoints more are there."""
    until = newest(folder / "checkpoints") + count
    while newest(folder / "checkpoints") < until:
        if process.poll() is not None:
            return
        time.sleep(0.002)
    time.sleep(delay)
    process.send_signal(number)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """case -> the folder of a run that nothing interrupted."""
    folders = {}

    def of(case):
        if case not in folders:
            folder = tmp_path_factory.mktemp("whole") / case
            code, _, err = finish(start(case, folder))
            assert code == 0, err
            folders[case] = folder
        return folders[case]

    return of


def kill_and_resume(case, whole, folder, kills):
    random = np.random.default_rng(len(case))
    for _ in range(kills):
        process = start(case, folder)
        count, delay = int(random.integers(1, 5)), float(random.random() / 10)
        stop_after(process, folder, count, signal.SIGKILL, delay)
        finish(process)
    code, _, err = finish(start(case, folder))
    assert code == 0, err
    assert_same_end(case, folder, whole(case))


@pytest.mark.parametrize("case", CASES)
def test_three_kills_change_nothing(case, whole, tmp_path):
    kill_and_resume(case, whole, tmp_path / "run", 3)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_twenty_kills_change_nothing(case, whole, tmp_path):
    kill_and_resume(case, whole, tmp_path / "run", 20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_keeps_the_step_and_has_its_exit_code(number, whole, tmp_path):
    folder = tmp_path / "run"
    process = start("training", folder)
    stop_after(process, folder, 2, number)
    code, _, err = finish(process)
    assert code == EXIT_CODE, err
    line = err.strip().splitlines()[-1]
    assert line.startswith(f"stopped: {signal.Signals(number).name}: kept ")
    assert line.endswith("the same command with --resume goes on")
    code, out, err = finish(start("training", folder))
    assert code == 0, err
    assert "Resuming " in out
    assert_same_end("training", folder, whole("training"))
