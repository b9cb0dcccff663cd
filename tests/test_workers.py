"""Whole runs on several devices, and on several processes as on hosts."""

import json
import socket
import time

import numpy as np
import pytest
from running import SMALL, arrays, final_state, finish, newest, run, start

from tfnas.cli.interruption import EXIT_CODE

SEARCH = (
    *("search", *SMALL, "--nodes=1", "--batch_size=16", "--epochs=2"),
    "--operations=skip_connect,dil_conv_3x3",
)
TRAINING = (
    *("train", "--genotype=tests/small_genotype.json", *SMALL),
    *("--batch_size=16", "--valid_images=40", "--drop_path=0.2", "--epochs=2"),
    *("--nesterov", "--schedule=one_cycle", "--average_weights=0.9"),
)


@pytest.fixture(scope="module", autouse=True)
def _float64(tmp_path_factory):
    """The commands compute in float64, where sums hardly hang on their order.

    Keras reads it in a file when it starts.
    """
    home = tmp_path_factory.mktemp("keras")
    (home / "keras.json").write_text('{"floatx": "float64"}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(home))
        yield


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The folder of a search on one device, 16 steps."""
    out = tmp_path_factory.mktemp("alone") / "run"
    run(*SEARCH, out=out)
    return out


def assert_same_end(out, alone):
    state, expected = final_state(out), final_state(alone)
    assert state.keys() == expected.keys()
    moving = [v for k, v in expected.items() if "moving" in k]
    assert {v.dtype.name for v in moving} == {"float64"}
    worst = {"alpha": 0.0, "weights": 0.0}
    for name, value in expected.items():
        if name.startswith(("variable/", "network/")):
            kind = "alpha" if "architecture" in name else "weights"
            apart = np.abs(state[name] - value).max()
            worst[kind] = max(worst[kind], apart)
    print(f"{out.name} differs from one device by {worst}")
    assert worst["alpha"] < 1e-8
    assert worst["weights"] < 1e-7


# Every day test_replicas.py holds a search's steps on two devices.
@pytest.mark.slow
def test_two_devices_search_as_one_does(alone, tmp_path):
    out = tmp_path / "two devices"
    run(*SEARCH, "--devices=cpu:2", out=out)
    assert_same_end(out, alone)


def test_two_devices_train_as_one_does(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two trained"
    run(*TRAINING, out=one)
    run(*TRAINING, "--devices=cpu:2", out=two)
    assert_same_end(two, one)


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
    out, tell = tmp_path / "two workers", tmp_path / "other.npz"
    lose_one(out, tell, victim=1)
    end_well(both(out, tell))
    assert_agreed(out, tell)
    assert_same_end(out, alone)


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
