"""`python -m tfnas.train` as a user runs it, and as one breaks it."""

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

import tfnas
from tfnas import data, zoo
from tfnas.errors import UserError
from tfnas.networks import weights
from tfnas.report.__main__ import main as report_main
from tfnas.runs import summary
from tfnas.runs.contents import weights_file
from tfnas.runs.folder import Folder
from tfnas.train import resolve
from tfnas.train import run as train_run
from tfnas.zoo.loading import weights_of

ROOT = Path(__file__).parents[1]
GENOTYPE = ROOT / "tests" / "small_genotype.json"
FLAGS = [
    f"--genotype={GENOTYPE}",
    "--channels=2",
    "--cells=3",
    "--epochs=2",
    "--warmup_epochs=0",
    "--batch_size=50",
    "--train_images=120",
    "--valid_images=30",
    "--drop_path=0.4",
    "--auxiliary=0.4",
    "--label_smoothing=0.1",
]
SIZE = {"input_shape": (8, 8, 1), "channels": 2, "cells": 3}
FILES = {
    "best.safetensors",
    "checkpoints",
    "config.json",
    "confusion.csv",
    "genotype.json",
    "history.csv",
    "last.safetensors",
    "lock",
    "report.html",
    "summary.json",
}
# What TensorFlow may say about itself whatever its log level is.
NOTES = ("WARNING: All log messages before", "I0000", "W0000")


def command(*arguments):
    return [sys.executable, "-m", "tfnas.train", *map(str, arguments)]


def run(arguments):
    return subprocess.run(
        arguments, capture_output=True, text=True, cwd=ROOT, timeout=600
    )


def error(done):
    """The one line of a command that failed as it should."""
    lines = [x for x in done.stderr.splitlines() if not x.startswith(NOTES)]
    assert done.returncode == 1, done.stderr
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0].removeprefix("error: ")


def train_here(out, **flags):
    """A training in this process, which must stay as it is."""
    small = {"genotype": str(GENOTYPE), "channels": 2, "cells": 3, "epochs": 1}
    given = small | {"warmup_epochs": 0, "train_images": 60, "out": str(out)}
    given |= {"deterministic": False} | flags
    return train_run.train(*resolve(given), argv=["train"])


# === Errors before TensorFlow starts ===


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """The folder of a training that has begun, with default values."""
    folder = tmp_path_factory.mktemp("begun") / "run"
    config, recipe, genotype = resolve({"genotype": "PDARTS"})
    with Folder(folder, config.decisive(recipe, genotype)):
        return folder


EARLY = [
    ([], "--genotype: missing; give a file"),
    (["--genotype=DARTS_V3"], "neither a file nor in the zoo; did you mean"),
    (["--genotype=PDARTS", "--epoch=3"], "did you mean --epochs?"),
    (["--genotype=PDARTS", "--epochs=many"], "--epochs=many: give a whole"),
    (["--genotype=PDARTS", "--drop_path=1"], "--drop_path=1.0: use a rate"),
    (["--genotype=PDARTS", "--preset=slow"], "--preset=slow: choose from"),
    (["--genotype=PDARTS", "--train_images=1"], "use 2 or more"),
    (["--genotype=PDARTS", "--valid_images=-1"], "use 0 or more"),
    (["--genotype=PDARTS", "--seed=-1"], "--seed=-1: use 0 to"),
    (["--genotype=PDARTS", "--dataset=image_folder"], "set --data_dir"),
    (["--genotype=PDARTS", "--out={begun}"], "holds a run; add --resume"),
    (["--genotype=PDARTS", "--out={begun}_", "--resume"], "no run to resume"),
    (
        ["--genotype=PDARTS", "--out={begun}", "--resume", "--epochs=7"],
        "recipe.epochs was 30, now 7",
    ),
    (
        ["--genotype=DARTS_V2", "--out={begun}", "--resume"],
        "was started with other values: genotype.",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), EARLY)
def test_an_error_that_needs_no_data_is_one_line(begun, arguments, message):
    done = run(command(*(a.format(begun=begun) for a in arguments)))
    assert message in error(done)
    assert not done.stdout


def test_help_and_errors_need_no_tensorflow():
    code = (
        "import sys\nfrom tfnas.train import main\n"
        "main(['train', '--preset=paper', '--help'])\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & sys.modules.keys()\n"
        "try:\n    main(['train', '--genotype=x'])\n"
        "except ValueError:\n    pass\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()"
    )
    done = run([sys.executable, "-c", code])
    assert (done.returncode, done.stderr) == (0, "")
    assert "--epochs=600\n" in done.stdout
    assert "FairDARTS_a" in done.stdout


def test_a_mobile_network_has_neither_auxiliary_nor_drop_path(tmp_path):
    chain = tfnas.Genotype("mobile", layers=("mb_3x3_e3",) * 19)
    path = tmp_path / "mine.json"
    path.write_text(chain.to_json())
    _, recipe, _ = resolve({"genotype": str(path), "preset": "paper"})
    assert (recipe.auxiliary, recipe.drop_path) == (0, 0)
    with pytest.raises(tfnas.errors.UserError, match="--auxiliary=0.4: netw"):
        resolve({"genotype": str(path), "auxiliary": 0.4})


# === Errors that need the data; nothing is written ===


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"cutout": 8}, "--cutout=8: images are 8x8"),
        ({"valid_images": 60}, "--valid_images=60: digits has 60"),
        ({"weights": "none"}, "none: No such file"),
    ],
)
def test_what_cannot_be_trained_leaves_no_folder(tmp_path, flags, message):
    with pytest.raises(tfnas.errors.UserError, match=message):
        train_here(tmp_path / "run", **flags)
    assert not (tmp_path / "run").exists()


# === A whole training ===


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a small training that nothing interrupted."""
    folder = tmp_path_factory.mktemp("train") / "run"
    done = run(command(*FLAGS, f"--out={folder}"))
    assert done.returncode == 0, done.stderr
    assert f"Report: {folder}/report.html" in done.stdout
    return folder


def read(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def rows(folder, name):
    with open(folder / name, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_a_training_writes_its_files(finished):
    assert {path.name for path in finished.iterdir()} == FILES
    config = read(finished, "config.json")
    assert config["command"][3:] == [*FLAGS, f"--out={finished}"]
    counts = {"train": 90, "valid": 30, "test": 360}
    assert config["data"].items() >= counts.items()


def test_the_history_follows_the_schedules(finished):
    head, first, second = rows(finished, "history.csv")
    first, second = (
        dict(zip(head, row, strict=True)) for row in (first, second)
    )
    assert float(first["learning_rate"]) == 0.05
    assert float(second["learning_rate"]) == pytest.approx(0.025)
    assert float(first["drop_path"]) == 0
    assert float(second["drop_path"]) == pytest.approx(0.2)
    assert float(second["train_loss"]) < float(first["train_loss"])


def test_the_confusion_counts_every_test_image_of_its_class(finished):
    head, *table = rows(finished, "confusion.csv")
    counts = np.array([[int(n) for n in row[1:]] for row in table])
    test = data.load("digits").test
    assert np.array_equal(counts.sum(1), np.bincount(test.labels))
    summary = read(finished, "summary.json")
    assert summary["test_correct"] == np.trace(counts)
    assert summary["test_accuracy"] == np.trace(counts) / 360
    assert head[1:] == [row[0] for row in table]


def test_the_stored_weights_have_the_accuracy_of_the_report(finished):
    """Measured again without the auxiliary classifier and our loop."""
    network = tfnas.build_network(zoo.genotype(str(finished)), **SIZE)
    weights.load(network, weights_file(finished))
    dataset = data.load("digits")
    images = dataset.test.images / np.float32(255)
    images = (images - dataset.mean) / dataset.std
    guesses = network.predict(images, verbose=0).argmax(-1)
    correct = int((guesses == dataset.test.labels).sum())
    assert abs(read(finished, "summary.json")["test_correct"] - correct) <= 1


def test_the_machine_is_what_the_process_may_use_of_it():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert summary.machine().startswith("1 core of ")
    finally:
        os.sched_setaffinity(0, allowed)
    cores = len(allowed)
    assert summary.machine().startswith(f"{cores} core")


def test_the_best_weights_are_those_of_the_best_epoch(finished):
    head, *table = rows(finished, "history.csv")
    accuracies = [float(row[head.index("valid_accuracy")]) for row in table]
    best = int(np.argmax(accuracies)) + 1
    assert read(finished, "summary.json")["epoch"] == best
    same = (finished / "best.safetensors").read_bytes() == (
        finished / "last.safetensors"
    ).read_bytes()
    assert same == (best == 2)


def test_the_report_shows_every_class_and_the_confusion(finished):
    page = (finished / "report.html").read_text(encoding="utf-8")
    summary = read(finished, "summary.json")
    assert f"{100 * summary['test_accuracy']:.2f} %" in page
    table = re.search(r"All classes of the test images.*?</table>", page, re.S)
    for name in map(str, range(10)):
        assert f'<th scope="row" role="rowheader">{name}</th>' in table[0]
    head, *counts = rows(finished, "confusion.csv")
    for row in counts:
        for guess, images in zip(head[1:], row[1:], strict=True):
            title = f"{row[0]} predicted as {guess}: {images}<"
            assert (title in page) == (images != "0")
    assert "on 30 held-out training images" in page
    assert not re.search(r'(src|href)="http', page)


def test_the_report_can_be_written_again(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    (folder / "report.html").unlink()
    assert report_main(["report", str(folder)]) == 0
    assert (folder / "report.html").is_file()
    (folder / "confusion.csv").write_text("class,0\n0,many\n")
    with pytest.raises(UserError, match=r"confusion\.csv"):
        report_main(["report", str(folder)])


def test_a_finished_training_resumes_to_the_same_files(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    (folder / "summary.json").unlink()
    done = preloaded.run(
        command(*FLAGS, f"--out={folder}", "--resume"), cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "Resuming after epoch 2." in done.stdout
    for name in ("last.safetensors", "confusion.csv", "history.csv"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes()


# test_resume.py does this every day, at random moments.
@pytest.mark.slow
def test_a_killed_training_resumes_bit_for_bit(finished, tmp_path):
    folder = tmp_path / "run"
    process = subprocess.Popen(
        command(*FLAGS, f"--out={folder}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    try:
        while not (folder / "checkpoints" / "000000").exists():
            assert process.poll() is None, "the training ended by itself"
            time.sleep(0.002)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "summary.json").exists()
    done = run(command(*FLAGS, f"--out={folder}", "--resume"))
    assert done.returncode == 0, done.stderr
    assert "Resuming after epoch 1." in done.stdout
    for name in ("last.safetensors", "best.safetensors", "confusion.csv"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes()
    path = "checkpoints/000001/state.npz"
    with np.load(folder / path) as one, np.load(finished / path) as two:
        assert one.files == two.files
        for name in one.files:
            assert np.array_equal(one[name], two[name]), name


# === Transfer, precision, and what a training must not read ===


def write_images(folder, classes):
    """A few random gray PNG images of 8x8 pixels for each class."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in classes:
            (folder / split / name).mkdir(parents=True)
            for i in range(6):
                pixels = random.integers(0, 256, (8, 8, 1), np.uint8)
                png = tf.io.encode_png(pixels).numpy()
                (folder / split / name / f"{i}.png").write_bytes(png)
    return folder


def test_transfer_to_other_classes_says_what_starts_anew(
    finished, tmp_path, capsys
):
    images = write_images(tmp_path / "images", ("cat", "dog", "owl"))
    accuracy = train_here(
        tmp_path / "run",
        dataset="image_folder",
        data_dir=str(images),
        train_images=None,
        weights=str(finished),
        auxiliary=0.4,
        learning_rate=0.0,
    )
    said = capsys.readouterr().out
    assert f"{finished}: the classifier starts with new weights" in said
    assert (
        f"{finished}: the auxiliary classifier starts with new weights" in said
    )
    assert 0 <= accuracy <= 1
    old, new = weights_of(finished), weights_of(tmp_path / "run")
    assert new["logits/bias"].shape == (3,)
    assert old.keys() == new.keys()
    kernel = next(n for n in old if n.startswith("stem/") and old[n].ndim == 4)
    assert np.array_equal(old[kernel], new[kernel])


def test_weights_of_another_width_are_refused_before_a_folder(
    finished, tmp_path
):
    with pytest.raises(tfnas.errors.UserError, match="has shape .*--channels"):
        train_here(tmp_path / "run", weights=str(finished), channels=3)
    assert not (tmp_path / "run").exists()


def test_mixed_precision_keeps_float32_weights_and_the_policy(tmp_path):
    import keras

    train_here(tmp_path / "run", mixed_precision=True, drop_path=0.2)
    assert keras.config.dtype_policy().name == "float32"
    arrays = weights_of(tmp_path / "run")
    assert {array.dtype.name for array in arrays.values()} == {"float32"}
    assert all(np.isfinite(array).all() for array in arrays.values())
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "last epoch&#x27;s" in page


def test_a_training_reads_no_test_image_before_its_end(tmp_path, monkeypatch):
    class Guarded(np.ndarray):
        def __getitem__(self, _):
            raise AssertionError("the training read the test images")

        __array__ = __array_ufunc__ = __array_function__ = __getitem__

    import dataclasses

    load, order = data.load, []

    def guarded(*arguments, **named):
        dataset = load(*arguments, **named)
        images = dataset.test.images.view(Guarded)
        test = dataclasses.replace(dataset.test, images=images)
        return dataclasses.replace(dataset, test=test)

    def end(training):
        order.append(training.epoch)
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "load", guarded, raising=False)
    monkeypatch.setattr(train_run._Training, "test", end)
    with pytest.raises(KeyboardInterrupt):
        train_here(tmp_path / "run", valid_images=10)
    assert order == [1]
    assert (tmp_path / "run" / "best.safetensors").is_file()
