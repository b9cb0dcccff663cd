"""How cores are divided among operations."""

import sys

import preloaded
import pytest

from tfnas.devices.threads import divide

SHOW = """
import tensorflow as tf
from tfnas.devices.threads import divide_cores
if {begun}:
    tf.zeros(1)
divide_cores()
print(
    tf.config.threading.get_intra_op_parallelism_threads(),
    tf.config.threading.get_inter_op_parallelism_threads(),
)
"""


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 7, 8, 64])
def test_no_core_is_used_twice_and_few_lie_idle(cores):
    threads, operations = divide(cores)
    assert cores // 2 < threads * operations <= cores


def test_few_cores_run_operations_beside_each_other():
    assert [divide(cores) for cores in (1, 2, 4)] == [(1, 1), (1, 2), (1, 4)]


@pytest.mark.parametrize(
    "begun, environment, alone",
    [
        (False, {}, False),
        (False, {"TF_NUM_INTRAOP_THREADS": "3"}, True),
        (True, {}, True),
    ],
)
def test_what_holds_already_is_left_alone(
    begun, environment, alone, monkeypatch
):
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = preloaded.run([sys.executable, "-c", SHOW.format(begun=begun)])
    assert done.returncode == 0, done.stderr
    threads, operations = map(int, done.stdout.split())
    if alone:
        assert (threads, operations) == (0, 0)
    else:
        assert threads >= 1 and operations >= 1
