"""What an earlier version wrote is resumed, loaded and scored as it was."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from running import ROOT, arrays, run

import tfnas

PAST = Path(__file__).parent / "past"
# kind: shape of an image, largest value.
IMAGES = {
    "supernet": ((8, 8, 1), 1.0),
    "network": ((8, 8, 1), 1.0),
    "zoo": ((28, 28, 1), 255.0),
}
# A process of its own, in which nothing of tfnas has been imported yet.
LOAD = """
import sys
import numpy as np
import tfnas
import keras
images, *files = sys.argv[1:]
images = np.load(images)
logits = {}
for file in files:
    kind = file.split("/")[-1].removesuffix(".keras")
    model = keras.models.load_model(file)
    logits[kind] = np.asarray(model(images[kind], training=False))
np.savez(sys.argv[1].replace("images", "logits"), **logits)
"""


def test_a_search_goes_on_within_its_epoch(tmp_path):
    out = tmp_path / "search"
    shutil.copytree(PAST / "search", out)
    config = json.loads((out / "config.json").read_text())
    given = ("--out", "--checkpoint_minutes")  # by `run`
    flags = [f for f in config["command"][3:] if not f.startswith(given)]
    said = run("search", *flags, out=out)
    assert "Resuming 7 steps after epoch 1" in said
    before = arrays(PAST / "search/checkpoints/000027/state.npz")
    whole, alphas = arrays(PAST / "search_end.npz"), arrays(out / "alphas.npz")
    assert alphas.keys() == whole.keys()
    for kind in ("normal", "reduce"):
        name = f"stage0/alphas_{kind}"
        start = before[f"variable/supernet/architecture/alphas_{kind}"]
        moved = np.abs(whole[name][-1] - start).max()
        assert moved > 3e-4
        # Three steps: another processor's rounding is far below this bound,
        # other images or another order far above it.
        assert np.abs(alphas[name] - whole[name]).max() < moved / 20
    assert json.loads((out / "config.json").read_text()) == config


def test_a_training_keeps_its_accuracy():
    folder = PAST / "training"
    summary = json.loads((folder / "summary.json").read_text())
    network = tfnas.load(folder)
    test = tfnas.data.load("digits").test
    logits = np.asarray(network(test.images, training=False))
    right = int((logits.argmax(-1) == test.labels).sum())
    assert right == summary["test_correct"]
    assert network.classes == tuple("0123456789")


@pytest.fixture(scope="module")
def logits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("past")
    images = {}
    for kind, (shape, largest) in IMAGES.items():
        numbers = np.arange(4 * int(np.prod(shape))) * 37 % 256
        pixels = numbers.reshape(4, *shape).astype("float32")
        images[kind] = pixels if largest == 255 else pixels / 255 - 0.5
    np.savez(folder / "images.npz", **images)
    files = [str(PAST / f"{kind}.keras") for kind in IMAGES]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder / "images.npz"), *files],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return arrays(folder / "logits.npz")


@pytest.mark.parametrize("kind", IMAGES)
def test_a_keras_file_loads(kind, logits):
    expected = arrays(PAST / "logits.npz")[kind]
    assert np.abs(logits[kind] - expected).max() < 1e-4 * np.abs(expected).max()
