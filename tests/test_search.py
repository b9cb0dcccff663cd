"""`python -m tfnas.search` as a user runs it, and as one breaks it."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import preloaded
import pytest

from tfnas import cost
from tfnas.genotype import Genotype
from tfnas.runs.contents import OPTIONAL_COLUMNS, SEARCH_COLUMNS
from tfnas.runs.folder import Folder
from tfnas.search import resolve
from tfnas.spaces.darts import PRIMITIVES

ROOT = Path(__file__).parents[1]
SMALL = {"channels": 4, "cells": (3,), "nodes": 2}
SMALL |= {"epochs": 2, "batch_size": 256}
FLAGS = ["--channels=4", "--cells=3", "--nodes=2"]
FLAGS += ["--epochs=2", "--batch_size=256"]
FILES = (
    "config.json",
    "history.csv",
    "alphas.npz",
    "genotypes.json",
    "genotype.json",
    "summary.json",
    "report.html",
)
# What TensorFlow may say about itself whatever its log level is.
NOTES = ("WARNING: All log messages before", "I0000", "W0000")
# The same seed gives the same bits, on any processor, with oneDNN and with
# operations beside each other.
AT_SPEED = os.environ | {"TF_ENABLE_ONEDNN_OPTS": "1"}
AT_SPEED |= {"TF_NUM_INTRAOP_THREADS": "2", "TF_NUM_INTEROP_THREADS": "2"}


def command(*arguments):
    return [sys.executable, "-m", "tfnas.search", *map(str, arguments)]


def search(*arguments):
    """Run the command; returns the finished process."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=600,
        env=AT_SPEED,
    )


def error(done):
    """The one line of a command that failed as it should."""
    lines = [x for x in done.stderr.splitlines() if not x.startswith(NOTES)]
    assert done.returncode == 1, done.stderr
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    assert not done.stdout
    return lines[0].removeprefix("error: ")


def read(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def alphas(folder):
    with np.load(folder / "alphas.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def assert_equal_arrays(first, second):
    assert first.keys() == second.keys()
    for name, array in first.items():
        assert np.array_equal(array, second[name]), name


def write_images(folder, shape, counts=(12, 8), classes=("cat", "dog")):
    """A train and a test folder of random PNG images, some for each class."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    for split, count in zip(("train", "test"), counts, strict=True):
        for name in classes:
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = random.integers(0, 256, shape, np.uint8)
                png = tf.io.encode_png(pixels).numpy()
                (folder / split / name / f"{i}.png").write_bytes(png)
    return folder


# === Errors before TensorFlow starts ===


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """The folder of a run that has begun, with default values and seed 0."""
    folder = tmp_path_factory.mktemp("begun") / "run"
    config, method = resolve({"out": str(folder)})
    values = config.decisive(method)
    with Folder(folder, values):
        return folder


@pytest.fixture
def places(begun, tmp_path):
    """Folders to put in an argument: {name: path}."""
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    return {"begun": begun, "here": tmp_path}


EARLY = [
    (["--epoch=3"], "--epoch: no such flag; did you mean --epochs?"),
    (["--epochs=many"], "--epochs=many: give a whole number"),
    (["--epochs=0"], "--epochs=0: use 1 or more"),
    (["digits"], "digits: not a flag; did you mean --dataset=digits?"),
    (["--method=dart"], "--method=dart: no such method; did you mean darts?"),
    (["--method=dart", "--help"], "did you mean darts?"),
    (["--preset=slow"], "--preset=slow: darts has paper, quick"),
    (["--out={begun}"], "holds a run; add --resume"),
    (["--out={here}/full"], "holds 'thesis.tex' but not a run"),
    (["--out={here}/new", "--resume"], "no run to resume; drop --resume"),
    (["--out={here}/file"], "Not a directory; choose a writable folder"),
    (["--out={here}/file/below"], "Not a directory; choose a writable folder"),
    (
        ["--out={begun}", "--resume", "--seed=3", "--epochs=7"],
        "config.seed was 0, now 3; method.epochs was 12, now 7",
    ),
    (
        ["--out={begun}", "--resume", "--preset=paper"],
        "config.preset was 'quick', now 'paper'",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), EARLY)
def test_an_error_that_needs_no_data_answers_at_once(
    places, arguments, message
):
    arguments = [argument.format(**places) for argument in arguments]

    def seconds():
        started = time.perf_counter()
        assert message in error(search(*arguments))
        return time.perf_counter() - started

    # Another process may have taken the processor the first time.
    assert seconds() < 1 or min(seconds() for _ in range(4)) < 1


def test_a_run_that_another_process_holds_is_refused_at_once(begun):
    config, method = resolve({})
    values = config.decisive(method)
    with Folder(begun, values, resume=True):
        done = search(f"--out={begun}", "--resume")
    assert "another process runs there" in error(done)


def test_the_help_of_a_method_needs_no_tensorflow():
    code = (
        "import sys; from tfnas.search import main\n"
        "main(['search', '--method=darts', '--preset=paper', '--help'])\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "--epochs=50\n" in done.stdout
    assert "arXiv:1806.09055" in done.stdout


# === Errors in the data ===


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """{kind of bad data: (finished process, --out)}, run side by side."""
    home = tmp_path_factory.mktemp("bad")
    write_images(home / "small", (3, 3, 3))
    write_images(home / "single", (8, 8, 3), classes=("cat",))
    write_images(home / "damaged", (8, 8, 3))
    (home / "damaged" / "train" / "dog" / "3.png").write_bytes(b"no image")

    def start(folder):
        return preloaded.Process(
            command(
                "--dataset=image_folder",
                f"--data_dir={folder}",
                f"--out={folder}_run",
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    started = {folder: start(folder) for folder in sorted(home.iterdir())}
    return {
        folder.name: (finish(process), Path(f"{folder}_run"))
        for folder, process in started.items()
    }


def finish(process):
    output = process.communicate(timeout=300)
    return subprocess.CompletedProcess(
        process.args, process.returncode, *output
    )


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("small", "images of 3x3 pixels leave no room for two reductions"),
        ("single", "only one class (cat)"),
        (
            "damaged",
            "3.png; restore or replace it, or start a new run with --skip",
        ),
    ],
)
def test_bad_images_are_one_line_and_leave_no_folder(refusals, kind, message):
    done, out = refusals[kind]
    assert message in error(done)
    assert not out.exists()


# === A whole search ===


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a small search that nothing interrupted."""
    folder = tmp_path_factory.mktemp("search") / "run"
    done = search(*FLAGS, f"--out={folder}")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "oneDNN" not in done.stderr
    assert f"Report: {folder}/report.html" in done.stdout
    return folder


def test_a_search_writes_the_files_of_the_contract(finished):
    present = {path.name for path in finished.iterdir()}
    assert present == {*FILES, "checkpoints", "lock"}


def test_the_configuration_tells_how_to_run_it_again(finished):
    config = read(finished, "config.json")
    assert config["command"] == [
        "python",
        "-m",
        "tfnas.search",
        *FLAGS,
        f"--out={finished}",
    ]
    assert config["config"]["seed"] == 0
    expected = resolve(SMALL)[1].values()
    assert config["method"] == json.loads(json.dumps(expected))
    # Of scikit-learn's 1,797 digits the last 360 are for testing.
    assert config["data"] == {
        "name": "digits",
        "image_shape": [8, 8, 1],
        "classes": [str(digit) for digit in range(10)],
        "train": 718,
        "valid": 719,
    }
    versions = {"python", "tensorflow", "keras", "numpy"}
    assert versions <= config["versions"].keys()
    assert config["versions"]["oneDNN"] == "on"


def test_every_epoch_has_a_row_of_finite_numbers(finished):
    with open(finished / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == (*SEARCH_COLUMNS, *OPTIONAL_COLUMNS)
    assert all(0 <= float(row["proxy_accuracy"]) <= 1 for row in rows)
    assert all(row["eigenvalue"] == "" for row in rows)
    values = np.array(
        [[float(row[name]) for name in SEARCH_COLUMNS] for row in rows]
    )
    assert np.isfinite(values).all()
    table = dict(zip(SEARCH_COLUMNS, values.T, strict=True))
    assert table["stage"].tolist() == [0, 0]
    assert table["epoch"].tolist() == [1, 2]
    # The cosine from 0.025 to 0.001, and half way.
    assert np.allclose(table["learning_rate"], [0.025, 0.013])
    for name in ("train_accuracy", "valid_accuracy"):
        assert ((table[name] >= 0) & (table[name] <= 1)).all()
    assert table["train_loss"][1] < table["train_loss"][0]


def test_alphas_start_small_and_move_each_epoch(finished):
    arrays = alphas(finished)
    assert arrays.keys() == {
        f"stage0/{name}_{kind}"
        for name in ("alphas", "operations")
        for kind in ("normal", "reduce")
    }
    for kind in ("normal", "reduce"):
        names = arrays[f"stage0/operations_{kind}"]
        assert names.tolist() == [list(PRIMITIVES)] * 5
        values = arrays[f"stage0/alphas_{kind}"]
        assert values.shape == (3, 5, 8)
        assert values.dtype == np.float32
        # Initially 1e-3 times a normal draw, as the authors'.
        assert 5e-4 < values[0].std() < 2e-3
        # Three steps of Adam: with a beta of 0.5 none of the first six is
        # longer than 1.44 learning rates.
        moved = np.abs(np.diff(values, axis=0)).max(axis=(1, 2))
        assert ((moved > 1e-4) & (moved <= 3 * 1.44 * 3e-4)).all()


def test_the_genotype_is_the_last_epoch_s(finished):
    entries = read(finished, "genotypes.json")
    assert [(e["stage"], e["epoch"]) for e in entries] == [(0, 1), (0, 2)]
    genotype = Genotype.from_json(finished / "genotype.json")
    last = Genotype.from_dict(entries[-1]["genotype"])
    assert (genotype.normal, genotype.reduce) == (last.normal, last.reduce)
    provenance = {"method": "darts", "dataset": "digits", "seed": 0}
    assert provenance.items() <= dict(genotype.provenance).items()


def test_the_rows_count_the_skips_of_the_genotypes(finished):
    with open(finished / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, entry in zip(rows, read(finished, "genotypes.json"), strict=True):
        for kind in ("normal", "reduce"):
            edges = entry["genotype"][kind]["edges"]
            skips = sum(edge["op"] == "skip_connect" for edge in edges)
            assert int(row[f"skips_{kind}"]) == skips


def test_the_genotype_follows_from_the_last_alphas(finished):
    """DARTS 2.4: the two strongest inputs, by their best but `none`."""
    genotype = Genotype.from_json(finished / "genotype.json")
    for kind in ("normal", "reduce"):
        raw = alphas(finished)[f"stage0/alphas_{kind}"][-1]
        weights = np.exp(raw.astype("float64"))
        weights /= weights.sum(axis=1, keepdims=True)
        first, expected = 0, set()
        for node in range(2, 4):
            rows = weights[first : first + node, 1:]
            first += node
            for source in np.argsort(-rows.max(axis=1))[:2]:
                operation = PRIMITIVES[1 + rows[source].argmax()]
                expected.add((operation, int(source), node))
        edges = getattr(genotype, kind).edges
        assert {(e.op, e.source, e.to) for e in edges} == expected


def test_the_summary_agrees_with_the_cost_functions(finished):
    summary = read(finished, "summary.json")
    genotype = Genotype.from_json(finished / "genotype.json")
    data = {"input_shape": (8, 8, 1), "classes": 10}
    network = cost.network_cost(genotype, channels=36, cells=20, **data)
    assert summary["network"] == {
        "channels": 36,
        "cells": 20,
        "parameters": network.parameters,
        "multiply_adds": network.multiply_adds,
    }
    each = [PRIMITIVES] * 5
    supernet = cost.supernet_cost(
        {"normal": each, "reduce": each},
        channels=4,
        cells=3,
        nodes=2,
        **data,
    )
    assert summary["supernet_parameters"] == supernet.parameters
    assert summary["supernet_multiply_adds"] == supernet.multiply_adds
    assert summary["seconds"] > 0
    assert summary["peak_memory_mb"] > 100
    assert summary["next_command"].startswith("python -m tfnas.")


def test_the_checkpoint_holds_the_weights_that_were_counted(finished):
    parameters = read(finished, "summary.json")["supernet_parameters"]
    path = finished / "checkpoints" / "000001" / "state.npz"
    with np.load(path, allow_pickle=False) as arrays:
        trained = sum(
            array.size
            for name, array in arrays.items()
            if re.match("variable/supernet/(?!architecture)", name)
            and "/moving_" not in name
        )
        alphas = arrays["variable/supernet/architecture/alphas_normal"]
    assert alphas.shape == (5, 8)
    assert trained == parameters


def test_the_report_needs_no_other_file_and_no_network(finished):
    page = (finished / "report.html").read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    loads = re.findall(r'<(?!a )[^>]* (?:src|href)="([^"#]*)"', page)
    loads += re.findall(r"url\(([^)#]*)\)", page)
    assert all(target.startswith("data:") for target in loads), loads
    assert "<script" not in page and "@import" not in page
    links = re.findall(r'<a [^>]*href="([^"#]+)"', page)
    assert all((finished / link).is_file() for link in links), links


def test_a_finished_search_can_be_resumed_and_stays_as_it_was(
    finished, tmp_path
):
    folder = shutil.copytree(finished, tmp_path / "run")
    (folder / "genotype.json").unlink()
    (folder / "report.html").unlink()
    again = command(*FLAGS, f"--out={folder}", "--resume")
    done = preloaded.run(again, cwd=ROOT, env=AT_SPEED)
    assert done.returncode == 0, done.stderr
    assert "Epoch" not in done.stdout.replace("after epoch", "")
    for name in ("genotype.json", "history.csv", "genotypes.json"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes()
    assert (folder / "report.html").exists()


# === Killed and resumed ===


def kill_after_first_checkpoint(folder):
    """Start the small search; kill it at once when epoch 1 is safe."""
    process = subprocess.Popen(
        command(*FLAGS, f"--out={folder}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env=AT_SPEED,
    )
    try:
        while not (folder / "checkpoints" / "000000").exists():
            assert process.poll() is None, "the search ended by itself"
            time.sleep(0.002)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folder of a small search that was killed after its first epoch."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    kill_after_first_checkpoint(folder)
    return folder


def test_two_processes_with_one_seed_agree_bit_for_bit(killed, finished):
    first = alphas(finished)
    first |= {k: v[:2] for k, v in first.items() if "alphas" in k}
    assert_equal_arrays(alphas(killed), first)
    path = "checkpoints/000000/state.npz"
    with np.load(killed / path) as one, np.load(finished / path) as two:
        assert_equal_arrays(dict(one), dict(two))


# test_resume.py does this every day, at random moments.
@pytest.mark.slow
def test_a_killed_search_resumes_bit_for_bit(killed, finished, tmp_path):
    folder = shutil.copytree(killed, tmp_path / "run")
    assert not (folder / "genotype.json").exists()
    done = search(*FLAGS, f"--out={folder}", "--resume")
    assert done.returncode == 0, done.stderr
    assert "Resuming after epoch 1 of stage 1." in done.stdout
    assert_equal_arrays(alphas(folder), alphas(finished))
    for name in ("genotype.json", "genotypes.json"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes()
    path = "checkpoints/000001/state.npz"
    with np.load(folder / path) as one, np.load(finished / path) as two:
        assert_equal_arrays(dict(one), dict(two))


@pytest.mark.slow
def test_the_default_network_agrees_bit_for_bit_in_two_processes(tmp_path):
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        assert search("--epochs=2", f"--out={folder}").returncode == 0
    assert_equal_arrays(*map(alphas, folders))
    assert alphas(folders[0])["stage0/alphas_normal"].shape == (3, 14, 8)
    first, second = (folder / "genotype.json" for folder in folders)
    assert first.read_bytes() == second.read_bytes()


# === Other images ===

GUARDED = """
import dataclasses, sys
import numpy as np
from tfnas import data, search
from tfnas.cli import command

class Guarded:
    # Test images that tell their shape and nothing else.
    def __init__(self, images):
        self.shape = images.shape
    def __getattr__(self, name):
        raise AssertionError(f"the search read {name} of the test images")
    def _read(self, *_, **__):
        raise AssertionError("the search read the test images")
    __array__ = __getitem__ = __iter__ = __len__ = _read

load = data.load
def guarded_load(*arguments, **named):
    dataset = load(*arguments, **named)
    images = Guarded(dataset.test.images)
    test = dataclasses.replace(dataset.test, images=images, labels=images)
    return dataclasses.replace(dataset, test=test)
data.load = guarded_load
command.run(search.main)
"""


@pytest.fixture(scope="module")
def gray(tmp_path_factory):
    """The folder of a search on a few gray 9x7 images, its tests guarded."""
    folder = tmp_path_factory.mktemp("gray")
    write_images(folder / "images", (9, 7, 1), (6, 2), ("cat", "dog", "owl"))
    flags = [
        "--dataset=image_folder",
        f"--data_dir={folder / 'images'}",
        f"--out={folder / 'run'}",
        "--operations=none,skip_connect,max_pool_3x3,sep_conv_3x3",
        "--nodes=2",
        "--channels=2",
        "--cells=3",
        "--epochs=1",
        "--batch_size=4",
    ]
    words = [sys.executable, "-c", GUARDED, *flags]
    done = preloaded.run(words, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_a_search_on_a_few_gray_images_without_their_tests(gray):
    data = read(gray, "config.json")["data"]
    assert data["image_shape"] == [9, 7, 1]
    assert data["classes"] == ["cat", "dog", "owl"]
    assert (data["train"], data["valid"]) == (9, 9)
    assert alphas(gray)["stage0/alphas_normal"].shape == (2, 5, 4)
    genotype = Genotype.from_json(gray / "genotype.json")
    assert len(genotype.normal.edges) == 4


def test_the_guard_sees_who_reads_the_test_images():
    scope = {}
    guard = GUARDED.split("load = data.load")[0]
    exec(guard, scope)
    guarded = scope["Guarded"](np.zeros((2, 9, 7, 1), np.uint8))
    assert guarded.shape == (2, 9, 7, 1)
    for read_it in (np.asarray, len, list, lambda x: x[0], lambda x: x.mean()):
        with pytest.raises(AssertionError, match="read"):
            read_it(guarded)
