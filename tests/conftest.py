"""Fixtures that the tests share."""

import collections
import functools
import gc
import json
import math
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from tfnas.cli import command

# As in commands, and before a test imports TensorFlow.
command.prefer_onednn()

ROOT = Path(__file__).parents[1]
PACKED = Path(__file__).parent / "golden"
# A checkout may stand beside the complete vectors, which are too large here.
WHOLE = Path(__file__).parents[2] / "shared" / "golden"


def pytest_terminal_summary(terminalreporter):
    """Every reason to skip tests: how many they are, and in which files."""
    files = collections.defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        _, _, reason = report.longrepr
        file = report.nodeid.partition("::")[0]
        files[reason.removeprefix("Skipped: ")].append(file)
    if files:
        terminalreporter.section("skipped")
    for reason, found in sorted(files.items(), key=lambda x: -len(x[1])):
        places = ", ".join(dict.fromkeys(found))
        terminalreporter.write_line(f"{len(found):4d}  {reason} ({places})")


@pytest.fixture(scope="session", autouse=True)
def _graphs_as_in_commands():
    """Grappler is off in every command; without it first steps are sooner."""
    from tfnas.devices.determinism import make_deterministic

    make_deterministic(operations=False)


@pytest.fixture(scope="module", autouse=True)
def _free_memory():
    """Networks and their traced functions are cycles of gigabytes.

    TensorFlow itself keeps the gradient of each call that it ever traced, and
    with it the graph.
    """
    from tensorflow.python.framework import ops

    gradients = ops.gradient_registry._registry
    kept = gradients.copy()
    yield
    gradients.clear()
    gradients.update(kept)
    gc.collect()


@pytest.fixture(scope="session")
def golden():
    """Outputs of the methods' authors' own code (see tests/golden/README.md).

    Returns:
        A function from a file's name to its content: the parsed JSON, or a
        dict of read-only arrays by name. Skips the test without the file.
    """
    return _load


@functools.cache
def _load(name):
    for folder in (PACKED, WHOLE):
        path = folder / name
        if path.is_file():
            if path.suffix == ".json":
                return json.loads(path.read_text())
            return _arrays(path)
    pytest.skip(f"golden vectors {name} are in neither {PACKED} nor {WHOLE}")


def _arrays(path):
    with np.load(path, allow_pickle=False) as file:
        stored = {name: file[name] for name in file.files}
    for array in stored.values():
        array.flags.writeable = False
    if "index" not in stored:
        return stored
    return {
        name: stored[dtype][start : start + math.prod(shape)].reshape(shape)
        for name, dtype, start, shape in json.loads(str(stored["index"]))
    }


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A zoo with one network, trained for one epoch on digits.

    Returns:
        An object with its `zoo` folder, its `name`, the `run` that trained it
        and the `search` that is said to have found it.
    """
    from tfnas import build

    folder = tmp_path_factory.mktemp("tiny")
    run, search, zoo = folder / "run", folder / "search", folder / "zoo"
    zoo.mkdir()
    search.mkdir()
    found = ROOT / "zoo" / "genotypes" / "darts_digits.json"
    shutil.copy(found, search / "genotype.json")
    typed = ["python", "-m", "tfnas.search", "--method=darts", "--seed=0"]
    for name, value in {
        "config": {
            "command": [*typed, f"--out={search}", "--resume"],
            "config": {"seed": 0},
            "method": {},
        },
        "summary": {"seconds": 90.0},
    }.items():
        (search / f"{name}.json").write_text(json.dumps(value))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tfnas.train", f"--genotype={search}"),
            *("--channels=2", "--cells=3", "--epochs=1", "--warmup_epochs=0"),
            *("--train_images=240", f"--out={run}"),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    path = run / "summary.json"
    summary = json.loads(path.read_text())
    assert " of " in summary["machine"]
    summary["machine"] = "1 core of another machine"
    path.write_text(json.dumps(summary))
    name = "tiny_digits.digits_c2_l3"
    flags = [f"--run={run}", f"--name={name}", f"--zoo={zoo}"]
    assert build.main(["build", *flags, "--export=false"]) == 0
    return types.SimpleNamespace(zoo=zoo, name=name, run=run, search=search)


@pytest.fixture(scope="session")
def served(tiny, tmp_path_factory):
    """The network of `tiny`, exported by the command.

    Returns:
        An object with the `folder`, the network's `name`, its `zoo`, and what
        the command `said`.
    """
    from tfnas.export.requirements import LIBRARIES

    for library in LIBRARIES:
        pytest.importorskip(library)
    folder = tmp_path_factory.mktemp("served") / "out"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tfnas.export", f"--model={tiny.name}"),
            *(f"--zoo={tiny.zoo}", f"--out={folder}"),
            "--quantize=float16,int8",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return types.SimpleNamespace(
        folder=folder, name=tiny.name, zoo=tiny.zoo, said=done.stdout
    )


@pytest.fixture(scope="session")
def perturbed(served, tmp_path_factory):
    """The same with other weights: its `folder` and its `expected` logits."""
    import tfnas
    from tfnas.networks.classifier import reference

    network = tfnas.load(served.name, zoo=served.zoo)
    head = network.get_layer("logits")
    head.bias.assign(head.bias + np.arange(10.0))
    folder = tmp_path_factory.mktemp("perturbed") / "out"
    tfnas.export_network(network, folder, served.name)
    return types.SimpleNamespace(folder=folder, expected=reference(network))
