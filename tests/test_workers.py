"""Whole runs on several devices, and on several processes as on hosts."""

import json
import socket
import time

import numpy as np
import pytest
from running import SMALL, arrays, final_state, finish, newest, run, start

from tfnas.interruption import EXIT_CODE

SEARCH = ("search", *SMALL, "--nodes=1", "--batch_size=16", "--epochs=2")
TRAINING = (
    *("train", "--genotype=zoo/genotypes/darts_digits.json", *SMALL),
    *("--batch_size=16", "--valid_images=40", "--drop_path=0.2", "--epochs=2"),
)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The folder of a search on one device."""
    out = tmp_path_factory.mktemp("alone") / "run"
    run(*SEARCH, out=out)
    return out


def assert_same_alphas(out, alone):
    actual, expected = arrays(out / "alphas.npz"), arrays(alone / "alphas.npz")
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=0, atol=1e-4)


def test_two_devices_search_as_one_does(alone, tmp_path):
    out = tmp_path / "run"
    run(*SEARCH, "--devices=cpu:2", out=out)
    assert_same_alphas(out, alone)


def test_two_devices_train_as_one_does(tmp_path):
    rows = []
    for count in (1, 2):
        out = tmp_path / str(count)
        run(*TRAINING, f"--devices=cpu:{count}", out=out)
        rows.append((out / "history.csv").read_text().splitlines())
    for one, two in zip(*rows, strict=True):
        # All but the seconds; weights move apart by float32's last digits.
        one, two = (line.split(",")[:-1] for line in (one, two))
        if one[0] != "epoch":
            assert [*map(float, two)] == pytest.approx(
                [*map(float, one)], rel=1e-2
            )


# === Two processes ===


def both(out, tell):
    """The chief's and the other worker's process of one search."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in (one, two)]
    hosts = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    processes = []
    for index, file in enumerate((None, tell)):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": hosts, "task": task})
        processes.append(start(*SEARCH, out=out, tell=file, TF_CONFIG=config))
    return processes


def end_well(processes):
    for process in processes:
        code, _, err = finish(process)
        assert code == 0, err


def assert_agreed(out, tell):
    """The other worker ends with what the chief wrote, bit for bit."""
    state, told = final_state(out), arrays(tell)
    assert "variable/" in "".join(told)
    for name, value in told.items():
        assert np.array_equal(state[name], value), name


def lose_one(out, tell, victim):
    """Kill one of the two in the middle; what the other says as it leaves."""
    processes = both(out, tell)
    while newest(out) < 5:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)
    processes[victim].kill()
    killed = time.monotonic()
    code, _, err = finish(processes[1 - victim], timeout=120)
    seconds = time.monotonic() - killed
    finish(processes[victim])
    assert code == EXIT_CODE, err
    assert seconds < 60
    line = err.strip().splitlines()[-1]
    assert line.startswith("stopped: another worker was lost"), err
    assert line.endswith("start all workers again with --resume")
    print(f"left {seconds:.1f} s after the other was killed: {line}")


def test_two_workers_search_as_one_does_though_one_is_lost(alone, tmp_path):
    out, tell = tmp_path / "run", tmp_path / "other.npz"
    lose_one(out, tell, victim=1)
    end_well(both(out, tell))
    assert_agreed(out, tell)
    assert_same_alphas(out, alone)


@pytest.mark.slow
def test_a_lost_chief_is_the_same_and_changes_no_bit(tmp_path):
    whole, tell = tmp_path / "whole", tmp_path / "other.npz"
    end_well(both(whole, tell))
    out = tmp_path / "run"
    lose_one(out, tell, victim=0)
    end_well(both(out, tell))
    assert_agreed(out, tell)
    state = final_state(out)
    for name, value in final_state(whole).items():
        assert np.array_equal(state[name], value), name
