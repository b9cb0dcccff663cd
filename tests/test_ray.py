"""Sweeps on a Ray of this machine; its searches only wait."""

import csv
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tfnas.cli.interruption import EXIT_CODE, READER_LEFT

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
# Stands for a search: it writes a folder, waits, and leaves when asked to.
SEARCH = """
if __name__ == "__main__":
    import signal
    import time
    from pathlib import Path

    given = dict(word[2:].split("=", 1) for word in sys.argv[1:])
    out = Path(given["out"])
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text("{}")

    def leave(*_):
        (out / "stopped").touch()
        sys.exit(75)

    signal.signal(signal.SIGTERM, leave)
    time.sleep(float(given["epochs"]) * (1 + int(given["seed"])))
    sys.exit(given["seed"] == "1")
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of the package whose searches only wait."""
    shutil.copytree(ROOT / "tfnas", tmp_path / "tfnas")
    path = tmp_path / "tfnas" / "search" / "__main__.py"
    text = path.read_text().partition("if __name__ ==")[0]
    path.write_text(text + SEARCH)
    return tmp_path


def sweep(folder, *flags):
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "tfnas.sweep", "--out=sweep"),
            *("--seeds=0,1", "--engine=ray", "--cpus=1", *flags),
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_runs(copy, number):
    process = sweep(copy, "--epochs=100")
    while len(list(copy.glob("sweep/*/config.json"))) < 2:
        assert process.poll() is None
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == EXIT_CODE
    assert err.splitlines()[-1] == (
        f"stopped: {number.name}: the checkpoints are saved; repeat the "
        "command to resume"
    )
    assert len(list(copy.glob("sweep/*/stopped"))) == 2


def test_a_reader_that_leaves_stops_the_runs(copy):
    """It is noticed when the first run ends; the other one would go on."""
    with sweep(copy, "--epochs=10") as process:
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == READER_LEFT, err
    assert len(list(copy.glob("sweep/*/stopped"))) == 1


def test_what_fails_is_named_and_the_rest_finishes(copy):
    out, err = sweep(copy, "--epochs=1").communicate(timeout=120)
    assert "sweep/darts_digits_seed0 finished" in out
    assert "sweep/darts_digits_seed1 failed (1)" in out
    line = err.splitlines()[-1]
    assert line.startswith("error: sweep/darts_digits_seed1: 1 of 2 failed;")


def test_real_searches_side_by_side(tmp_path):
    small = ["--channels=2", "--cells=3", "--nodes=1", "--batch_size=256"]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tfnas.sweep", f"--out={tmp_path}"),
            *("--seeds=0,1", "--engine=ray", "--cpus=1", "--epochs=1"),
            *("--train_images=300", *small),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert "2 of 2: " in out
    with open(tmp_path / "results.csv", newline="") as file:
        assert [row["seed"] for row in csv.DictReader(file)] == ["0", "1"]
