"""Preloaded processes are what Python's own are, but for the import."""

import json
import os
import signal
import subprocess
import sys

import preloaded
import pytest

TELL = """
import json, os, sys
json.dump([sys.argv, os.getcwd(), sorted(os.environ.items()),
           sys.stdin.read()], sys.stdout)
sys.stdout.flush()
print("said", file=sys.stderr)
print(__name__, sys.path[0] in ("", os.path.dirname(sys.argv[0])))
sys.exit(3)
"""
STARTS = [subprocess.Popen, preloaded.Process]


def told(start, words, folder):
    """(exit code, output, errors) of a process."""
    environment = {"PYTHONPATH": str(preloaded.ROOT), "TF_CONFIG": "ö"}
    process = start(
        [sys.executable, *words, "--flag", "two words"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | environment,
    )
    out, err = process.communicate("given", timeout=120)
    return process.returncode, out, err


@pytest.mark.parametrize("way", ["-c", "program", "-m"])
def test_a_process_is_told_the_same_in_either_way(way, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(TELL)
    words = {"-c": ["-c", TELL], "program": [str(program)]}
    words["-m"] = ["-m", "program"]
    plain, ours = (told(start, words[way], tmp_path) for start in STARTS)
    assert plain == ours
    code, out, err = ours
    assert (code, err) == (3, "said\n")
    argv, folder, environment, given = json.JSONDecoder().raw_decode(out)[0]
    assert argv[1:] == ["--flag", "two words"]
    assert (folder, dict(environment)["TF_CONFIG"], given) == (
        str(tmp_path),
        "ö",
        "given",
    )


@pytest.mark.parametrize("start", STARTS)
def test_a_process_fails_and_is_stopped_as_any(start):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    wait = "import time; print('here', flush=True); time.sleep(60)"
    with start([sys.executable, "-c", "1 / 0"], text=True, **pipes) as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert err.splitlines()[-1] == "ZeroDivisionError: division by zero"
    for number in (signal.SIGKILL, signal.SIGTERM):
        with start([sys.executable, "-c", wait], **pipes) as process:
            assert process.stdout.readline() == b"here\n"
            assert process.poll() is None
            process.send_signal(number)
            assert process.wait(60) == -number


def test_tensorflow_has_been_imported_and_has_not_begun():
    code = (
        "import sys; assert 'tensorflow' in sys.modules\n"
        "import tensorflow as tf\n"
        "tf.config.threading.set_intra_op_parallelism_threads(1)\n"
        "(cpu,) = tf.config.list_physical_devices('CPU')\n"
        "part = tf.config.LogicalDeviceConfiguration()\n"
        "tf.config.set_logical_device_configuration(cpu, [part] * 3)\n"
        "assert len(tf.config.list_logical_devices('CPU')) == 3\n"
        "with tf.device('CPU:2'):\n"
        "    print(float(tf.reduce_sum(tf.ones((99, 99)) @ tf.ones((99, 1)))))"
    )
    done = preloaded.run([sys.executable, "-c", code])
    assert (done.returncode, done.stdout) == (0, "9801.0\n"), done.stderr
