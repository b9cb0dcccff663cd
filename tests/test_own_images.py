"""A folder with everything at once, from its first search to a server.

Photographs lie on their side, hidden folders and other files stand between
them, one class is rare, names have spaces, umlauts and emoji, and some files
are damaged.
"""

import io
import json
import sys
import types

import numpy as np
import preloaded
import pytest
import serving
import tensorflow as tf
from PIL import Image, ImageDraw, ImageOps
from running import ROOT, finish, run, start

import tfnas
from tfnas.data.decoding import fit_square
from tfnas.export.requirements import LIBRARIES

# Its parts are tested every day, each by itself.
pytestmark = pytest.mark.slow

CLASSES = ("grüner Tee", "Äpfel & Birnen", "🍓 red berry")
# 95 to 5 for the first two classes; the third in between.
TRAIN, TEST = (76, 4, 40), (10, 2, 6)
ORIENTATION = 0x0112
SEARCH = (
    *("--channels=2", "--cells=3", "--nodes=1", "--epochs=1"),
    *("--operations=skip_connect,sep_conv_3x3", "--batch_size=16"),
)
TRAINING = ("--channels=4", "--cells=3", "--epochs=6", "--batch_size=16")


def picture(kind, seed):
    """An arrow on noise: where it points and its colour tell its class."""
    draw = np.random.default_rng([seed, kind])
    noise = draw.integers(60, 120, (24, 32, 3), np.uint8)
    image = Image.fromarray(noise)
    pen = ImageDraw.Draw(image)
    tips = [(16, 2), (30, 12), (16, 22)]
    pen.line([(16, 12), tips[kind]], fill="white", width=4)
    return image


def photograph(image, orientation):
    """The JPEG of a camera that was held in another way."""
    undone = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    exif = Image.Exif()
    exif[ORIENTATION] = undone
    lying = image
    if orientation > 1:
        marked = io.BytesIO()
        image.save(marked, "JPEG", exif=exif, quality=95)
        lying = ImageOps.exif_transpose(Image.open(marked))
    exif[ORIENTATION] = orientation
    content = io.BytesIO()
    lying.save(content, "JPEG", exif=exif, quality=95)
    return content.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder, damaged files among the others; and their names."""
    root = tmp_path_factory.mktemp("eigene Bilder 📷") / "Fotos"
    number = 0
    for split, counts in (("train", TRAIN), ("test", TEST)):
        for kind, (name, count) in enumerate(zip(CLASSES, counts, strict=True)):
            place = root / split / name
            place.mkdir(parents=True)
            for _ in range(count):
                number += 1
                content = photograph(picture(kind, number), number % 8 + 1)
                (place / f"{number} {name}.JPG").write_bytes(content)
    first = root / "train" / CLASSES[0]
    for hidden in (".ipynb_checkpoints", "__MACOSX", "@eaDir"):
        (root / "train" / hidden).mkdir()
        picture(0, 0).save(root / "train" / hidden / "copy.png")
    for name in ("._1.jpg", "Thumbs.db", ".DS_Store", "notes.txt", "no suffix"):
        (first / name).write_bytes(b"not an image")
    damaged = [first / "torn.jpg", root / "test" / CLASSES[2] / "empty.png"]
    damaged[0].write_bytes(photograph(picture(0, 1), 1)[:400])
    damaged[1].write_bytes(b"")
    return types.SimpleNamespace(root=root, damaged=damaged)


@pytest.fixture(scope="module")
def journey(folder, tmp_path_factory):
    """What a person does with it: the folders, and what the commands said."""
    runs = tmp_path_factory.mktemp("runs")
    data = ("--dataset=image_folder", f"--data_dir={folder.root}")
    data += ("--image_size=24",)
    refused = finish(start("search", *data, *SEARCH, out=runs / "refused"))
    for path in folder.damaged:
        path.unlink()
    search, trained = runs / "search", runs / "trained"
    said = [run("search", *data, *SEARCH, out=search)]
    genotype = f"--genotype={search}"
    said += [run("train", genotype, *TRAINING, out=trained)]
    return types.SimpleNamespace(
        refused=refused, search=search, trained=trained, said=said
    )


@pytest.fixture(scope="module")
def tested(folder):
    """[(bytes of a test file, its upright pixels, its class)]."""
    found = []
    for kind, name in enumerate(CLASSES):
        for path in sorted((folder.root / "test" / name).glob("*.JPG")):
            image = ImageOps.exif_transpose(Image.open(path))
            found.append((path.read_bytes(), np.asarray(image), kind))
    return found


def test_damaged_files_are_all_named_before_anything_runs(journey, folder):
    code, _, error = journey.refused
    assert code == 1
    line = error.splitlines()[-1]
    for path in folder.damaged:
        assert path.name in line
    assert "Epoch" not in error


def test_search_and_training_say_what_they_read(journey):
    for said in journey.said:
        assert "120 " in said and "3 classes" in said and "CPU" in said
        assert "2 files not read" in said
        assert ".txt" in said


def test_the_search_s_data_are_the_training_s(journey, folder):
    config = json.loads((journey.trained / "config.json").read_text())
    assert config["config"]["data_dir"] == str(folder.root)
    assert config["data"]["classes"] == list(CLASSES)
    counts = (config["data"]["train"], config["data"]["test"])
    assert counts == (sum(TRAIN), sum(TEST))


def test_both_halves_have_the_rare_class(journey):
    config = json.loads((journey.search / "config.json").read_text())
    assert config["method"]["halves"] == "stratified"
    dataset = tfnas.data.load(
        "image_folder", config["config"]["data_dir"], image_size=24
    )
    for half in tfnas.data.search_halves(dataset):
        counts = np.bincount(dataset.train.labels[half])
        assert counts.tolist() == [count // 2 for count in TRAIN]


def test_the_loaded_network_has_the_stated_accuracy(journey, tested):
    network = tfnas.load(journey.trained)
    assert list(network.classes) == list(CLASSES)
    right = sum(answer(network, pixels) == kind for _, pixels, kind in tested)
    summary = json.loads((journey.trained / "summary.json").read_text())
    assert right == summary["test_correct"]
    # The largest class alone has 10 of 18.
    assert right >= 15


@pytest.fixture(scope="module")
def served(journey, tmp_path_factory):
    """What the command made for servers."""
    for library in LIBRARIES:
        pytest.importorskip(library)
    folder = tmp_path_factory.mktemp("served") / "out"
    words = ["-m", "tfnas.export", f"--run={journey.trained}"]
    words += [f"--out={folder}", "--name=fotos"]
    done = preloaded.run([sys.executable, *words], cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_exported_files_answer_as_the_network(journey, served, tested):
    network = tfnas.load(journey.trained)
    labels = (served / "labels.txt").read_text(encoding="utf-8")
    assert labels.splitlines() == list(CLASSES)
    # The module that holds the variables has to be kept.
    loaded = tf.saved_model.load(str(served / "fotos" / "1"))
    said = loaded.signatures["serving_bytes"](
        image_bytes=tf.constant([content for content, _, _ in tested])
    )
    found = said["class"].numpy().tolist()
    assert found == [answer(network, pixels) for _, pixels, _ in tested]


@pytest.mark.server
@pytest.mark.parametrize("kind", ["kserve", "triton"])
def test_a_server_answers_as_the_network(
    journey, served, tested, tmp_path, kind
):
    network = tfnas.load(journey.trained)
    images = np.stack([small(pixels) for _, pixels, _ in tested])
    expected = np.asarray(network(images, training=False))
    protocols = serving.module("protocols")
    with (
        serving.running(kind, served / "fotos", tmp_path / "log") as url,
        protocols.PROTOCOLS[kind](url, "fotos") as client,
    ):
        logits = client.ask(images.astype("float32"))
    np.testing.assert_allclose(logits, expected, atol=1e-4, rtol=1e-4)


def small(pixels):
    """An upright photograph at the network's size."""
    return fit_square(pixels, 24).numpy()


def answer(network, pixels):
    logits = network(small(pixels)[None], training=False)
    return int(np.asarray(logits)[0].argmax())
