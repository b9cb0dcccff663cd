"""Hostile image files end in one line each, in little memory."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from hostile_images import FILES, oriented, png

from tfnas import data
from tfnas.data import imagenet
from tfnas.demo import run as page
from tfnas.errors import UserError
from tfnas.export import graph, saved_model
from tfnas.zoo.source import Source

ROOT = Path(__file__).parents[1]
# Beyond what a process has that has answered one small image.
MEGABYTES = 500
# These take a second or more to make or to read.
LONG = {
    *(
        "TIFF bomb",
        "WebP bomb",
        "GIF of 60 pictures",
        "JPEG at the bound, turned",
    ),
    *("PNG with a million chunks", "GIF with a million blocks"),
    *("PNG at the bound", "JPEG at the bound, progressive, in CMYK"),
    *("PNG bomb", "GIF bomb", "GIF bomb on a small screen"),
    *("GIF bomb in its second picture", "JPEG bomb"),
}


@pytest.fixture(scope="module")
def source():
    images = keras.Input((8, 8, 3))
    logits = keras.layers.Dense(2)(keras.layers.Flatten()(images))
    network = keras.Model(images, logits)
    return Source(network=network, image_shape=(8, 8, 3), count=2)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    for number, (make, _) in enumerate(FILES.values()):
        (folder / f"{number:03}").write_bytes(make())
    return folder


def test_there_are_files_of_every_kind():
    assert len(FILES) >= 30
    ends = {end for _, end in FILES.values()}
    assert ends == {"refused", "read", "not served", "either"}


@pytest.mark.slow
def test_the_served_model_refuses_them_in_little_memory(
    source, files, tmp_path
):
    """By a process of its own, without tfnas, one at a time."""
    model = graph.inference(source.network)
    saved_model.write(
        tmp_path / "saved", model, graph.endpoints(model), "hostile"
    )
    done = subprocess.run(
        [
            *(sys.executable, "-I", ROOT / "tests" / "served_peak.py"),
            *(tmp_path / "saved", files),
        ],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == len(FILES)
    for (name, (_, wanted)), (end, grown) in zip(
        FILES.items(), found, strict=True
    ):
        assert end in ("read", "InvalidArgumentError"), name
        if wanted != "either":
            assert (end == "read") == (wanted == "read"), name
        assert grown <= MEGABYTES, (name, grown)


@pytest.mark.parametrize(
    "names",
    [FILES.keys() - LONG, pytest.param(LONG, marks=pytest.mark.slow)],
    ids=["short", "long"],
)
def test_the_page_says_so_in_a_line(source, names):
    """By the function that decodes for training and serving too."""
    answer = page.answering(source)
    for name in names:
        make, wanted = FILES[name]
        try:
            answer(make())
            end = "read"
            wanted = wanted.replace("not served", "read")
        except UserError as error:
            assert "\n" not in str(error)
            end = "refused"
        assert wanted in (end, "either"), name


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("augmentation", ["cifar", "imagenet"])
@pytest.mark.parametrize("name", FILES)
def test_training_names_the_file(tmp_path, name, augmentation):
    make, wanted = FILES[name]
    for place in ("train/cat", "train/dog", "test/cat", "test/dog"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "0.png").write_bytes(png(9, 9, colour=2))
    path = tmp_path / "train" / "cat" / "1.jpg"
    path.write_bytes(make())
    try:
        dataset = data.load("image_folder", str(tmp_path), 8, augmentation)
        stream = data.train_stream(
            dataset, np.arange(3), batch_size=3, epochs=1, seed=0
        )
        with data.damage_named(dataset):
            list(stream)
        list(data.evaluation_batches(dataset.train, dataset, 3))
        end = "read"
        wanted = wanted.replace("not served", "read")
    except UserError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        end = "refused"
    assert wanted in (end, "either")


def test_a_long_image_is_not_enlarged_whole():
    """ImageNet's crop once resized all of it: 34 GB for 100 kB here."""
    image = np.full((1, 2**20, 3), 7, np.uint8)
    square = imagenet.centre_crop(image, 224).numpy()
    np.testing.assert_allclose(square, 7, atol=1e-5)


def test_a_photograph_of_24_megapixels_is_read():
    from PIL import Image

    photograph = Image.new("RGB", (6000, 4000))
    assert imagenet.decode(oriented(8, image=photograph)).shape == (
        *(6000, 4000, 3),
    )
