"""Fixtures that the tests share."""

import collections
import contextlib
import ctypes
import fcntl
import functools
import gc
import json
import math
import os
import shutil
import sys
import types
from pathlib import Path

import numpy as np
import preloaded
import pytest

from tfnas.cli import command

# As in commands, and before a test imports TensorFlow.
command.prefer_onednn()


def _share_cores():
    """Workers, and what they start, wait for one another on the same cores."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    if workers > 1:
        own = max(1, len(os.sched_getaffinity(0)) // workers)
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(name, str(own))


_share_cores()

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


# Minutes of one process after another: what begins last ends last.
LONGEST = ("test_workers.py", "test_resume.py", "test_replicas.py")


def pytest_collection_modifyitems(items):
    """One worker would still be at these when the others have nothing left."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_collection_finish():
    """What is imported by then stays; the collector need not go through it.

    Graphs are millions of objects, so it goes through all of them only where
    `_free_memory` says so.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 1_000)


@pytest.fixture(scope="session", autouse=True)
def _graphs_as_in_commands():
    """Grappler is off in every command; without it first steps are sooner."""
    from tfnas.devices.determinism import make_deterministic

    make_deterministic(operations=False)


@pytest.fixture(scope="session", autouse=True)
def _checks_are_kept_aside(tmp_path_factory):
    """No test leaves anything in the user's cache."""
    from tfnas.data import kept_checks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_checks, "HOME", tmp_path_factory.mktemp("cache"))
        yield


GROWN = 500  # megabytes that one or more tests may leave behind
_left = 0


def _collect():
    """Free what is not used; glibc keeps it until it is told."""
    global _left
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    _left = _megabytes()


def _megabytes():
    """What this process has in memory, where the system tells."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE") >> 20


@pytest.fixture(autouse=True)
def _free_memory_if_it_grows():
    yield
    if _megabytes() > _left + GROWN:
        _collect()


@contextlib.contextmanager
def let_go():
    """Free what is traced within: cycles of gigabytes.

    TensorFlow itself keeps the gradient of each call that it ever traced, and
    with it the graph.
    """
    from tensorflow.python.framework import ops

    gradients = ops.gradient_registry._registry
    kept = gradients.copy()
    yield
    gradients.clear()
    gradients.update(kept)
    _collect()


@pytest.fixture(scope="module", autouse=True)
def _free_memory():
    with let_go():
        yield


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


@pytest.fixture(scope="module")
def recorded_supernet():
    """`parity.recorded_supernet`: a module's tests share its networks.

    Building and tracing take most of a test's time.
    """
    import parity

    return functools.partial(parity.recorded_supernet, {})


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
def once(tmp_path_factory):
    """Folders that are filled once, however many workers ask for them.

    Returns:
        A function from a name, and a function that fills a folder, to that
        folder. Who asks while another worker fills it waits.
    """
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def filled(name, fill):
        folder = root / name
        with open(root / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                folder.mkdir()
                try:
                    fill(folder)
                except BaseException:
                    shutil.rmtree(folder)
                    raise
        return folder

    return filled


TINY = "tiny_digits.digits_c2_l3"


@pytest.fixture(scope="session")
def tiny(once):
    """A zoo with one network, trained for one epoch on digits.

    Returns:
        An object with its `zoo` folder, its `name`, the `run` that trained it
        and the `search` that is said to have found it.
    """
    folder = once("tiny", _fill_tiny)
    places = {name: folder / name for name in ("run", "search", "zoo")}
    return types.SimpleNamespace(name=TINY, **places)


def _fill_tiny(folder):
    from tfnas import build

    run, search, zoo = folder / "run", folder / "search", folder / "zoo"
    zoo.mkdir()
    search.mkdir()
    found = ROOT / "tests" / "small_genotype.json"
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
    done = preloaded.run(
        [
            *(sys.executable, "-m", "tfnas.train", f"--genotype={search}"),
            *("--channels=2", "--cells=3", "--epochs=1", "--warmup_epochs=0"),
            *("--train_images=240", f"--out={run}"),
        ],
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    path = run / "summary.json"
    summary = json.loads(path.read_text())
    assert " of " in summary["machine"]
    summary["machine"] = "1 core of another machine"
    path.write_text(json.dumps(summary))
    flags = [f"--run={run}", f"--name={TINY}", f"--zoo={zoo}"]
    assert build.main(["build", *flags, "--export=false"]) == 0


@pytest.fixture(scope="session")
def served(tiny, once):
    """The network of `tiny`, exported by the command.

    Returns:
        An object with the `folder`, the network's `name`, its `zoo`, and what
        the command `said`.
    """
    from tfnas.export.requirements import LIBRARIES

    for library in LIBRARIES:
        pytest.importorskip(library)

    def fill(folder):
        done = preloaded.run(
            [
                *(sys.executable, "-m", "tfnas.export", f"--model={tiny.name}"),
                *(f"--zoo={tiny.zoo}", f"--out={folder / 'out'}"),
                "--quantize=float16,int8",
            ],
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stderr
        (folder / "said.txt").write_text(done.stdout)

    folder = once("served", fill)
    return types.SimpleNamespace(
        folder=folder / "out",
        name=tiny.name,
        zoo=tiny.zoo,
        said=(folder / "said.txt").read_text(),
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
