"""From a folder of pictures, as people have them, to an exported network."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import preloaded
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
COUNTS = {"common": 2700, "some": 240, "rare": 60}  # 90 : 8 : 2
DAMAGED = 40
SIDE = 16
SMALL = ("--channels=4", "--cells=3", "--batch_size=64")


def picture(random, stripes):
    """Noise, and stripes that lie as the class has them."""
    pixels = random.normal(128, 40, (SIDE, SIDE, 3))
    rows, columns = np.indices((SIDE, SIDE))
    wave = (rows, columns, rows + columns)[stripes] % 4 < 2
    pixels += np.where(wave, 9, -9)[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """DIR/CLASS/*: 3,000 pictures; 40 of them are cut off."""
    root = tmp_path_factory.mktemp("my photos")
    random = np.random.default_rng(0)
    files = []
    for stripes, (name, count) in enumerate(COUNTS.items()):
        (root / name).mkdir()
        for number in range(count):
            path = root / name / f"{number:04}.png"
            picture(random, stripes).save(path)
            files.append(path)
    for path in random.choice(files, DAMAGED, replace=False):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    return root


def tfnas(*words):
    """The finished process of a command."""
    program = [sys.executable, "-m", f"tfnas.{words[0]}", *words[1:]]
    return preloaded.run(list(map(str, program)), cwd=ROOT)


def ran(*words):
    done = tfnas(*words)
    assert done.returncode == 0, done.stderr
    print(f"$ tfnas {' '.join(map(str, words))}\n{done.stdout}")
    return done.stdout


@pytest.mark.slow
def test_a_folder_becomes_a_served_network(folder, tmp_path):
    data = ("--dataset=image_folder", f"--data_dir={folder}")
    search = ("search", "--method=darts", *data, *SMALL, "--nodes=2")
    search = (*search, "--epochs=2", f"--out={tmp_path / 'search'}")

    refused = tfnas(*search)
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1, refused.stderr
    assert str(DAMAGED) in refused.stderr
    assert "--skip_damaged" in refused.stderr
    print(refused.stderr)

    said = ran(*search, "--skip_damaged")
    assert f"{DAMAGED}" in said and "Report: " in said
    listed = (tmp_path / "search" / "images.csv").read_text().splitlines()
    assert sum(line.endswith(",damaged") for line in listed) == DAMAGED
    tested = sum(line.endswith(",test") for line in listed)
    assert tested == pytest.approx(0.2 * (3000 - DAMAGED), abs=3)

    found = {}
    for rule in ("none", "balanced"):
        out = tmp_path / rule
        said = ran(
            *("train", f"--genotype={tmp_path / 'search'}", *SMALL),
            *(f"--class_weights={rule}", "--epochs=6", "--warmup_epochs=0"),
            f"--out={out}",
        )
        assert "balanced accuracy" in said
        found[rule] = json.loads((out / "summary.json").read_text())
        assert found[rule]["test_images"] == tested
    accuracy = {k: v["balanced_accuracy"] for k, v in found.items()}
    # Whoever always names the common class has a third of it.
    assert 1 / 3 < accuracy["none"] < accuracy["balanced"]

    out = tmp_path / "balanced"
    done = tfnas("predict", f"--run={out}", folder / "rare", "--csv")
    print(done.stdout[:300], done.stderr)
    damaged = [line for line in listed if line.endswith(",damaged")]
    damaged = [line for line in damaged if line.startswith("rare/")]
    rows = done.stdout.strip().splitlines()
    assert len(rows) == 1 + COUNTS["rare"] - len(damaged)
    assert done.returncode == bool(damaged)
    for line in damaged:
        assert line.split(",")[0] in done.stderr
    said = ran("export", f"--run={out}", f"--out={tmp_path / 'served'}")
    assert re.search(r"served", said)
    models = list((tmp_path / "served").rglob("*.onnx"))
    assert models
