"""Inputs that cannot be used: one line, and nothing is written."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_runs import search_here

import tfnas
from tfnas import data, derivation
from tfnas.devices import devices
from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.spaces.darts import PRIMITIVES
from tfnas.train import resolve
from tfnas.zoo.loading import weights_of

ROOT = Path(__file__).parents[2]


def write_images(folder, *shape, count=12):
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = random.integers(0, 256, shape, np.uint8)
                png = tf.io.encode_png(pixels).numpy()
                (folder / split / name / f"{i}.png").write_bytes(png)
    return folder


def refusal(function, *arguments, **options):
    with pytest.raises(UserError) as error:
        function(*arguments, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


# === Images ===


def test_an_image_of_one_pixel_leaves_no_room(tmp_path):
    folder = write_images(tmp_path / "images", 1, 1, 3)
    line = refusal(data.load, "image_folder", data_dir=folder)
    assert "images of 1x1 pixels leave no room for two reductions" in line


def test_images_that_are_not_square_are_searched(tmp_path):
    folder = write_images(tmp_path / "images", 8, 13, 1)
    given = {"dataset": "image_folder", "data_dir": str(folder), "epochs": 1}
    given |= {"train_images": None, "batch_size": 6}
    found = search_here(tmp_path / "run", **given)
    assert found.provenance["dataset"] == "images"
    assert found.normal.edges


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_empty_split_is_named(tmp_path, split):
    folder = write_images(tmp_path / "images", 8, 8, 3)
    for path in (folder / split).glob("*/*.png"):
        path.unlink()
    line = refusal(data.load, "image_folder", data_dir=folder)
    assert str(folder / split) in line


# === Genotypes and names ===


def test_a_cell_of_skips_alone_is_valid(tmp_path):
    weights = np.full((14, 8), 0.01)
    weights[:, PRIMITIVES.index("skip_connect")] = 0.9
    names = (PRIMITIVES,) * 14
    for rule in ("top2", "pdarts", "threshold_edge", "threshold_node"):
        cell, warning = derivation.derive(rule, weights, names, threshold=0.85)
        assert {edge.op for edge in cell.edges} == {"skip_connect"}
        assert not warning
        found = Genotype("darts", normal=cell, reduce=cell)
        assert Genotype.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    "name", ["../zoo/PDARTS", "/etc/passwd", "PDARTS/../PDARTS", "PDARTS\0"]
)
def test_a_name_is_no_way_out_of_the_zoo(name):
    refusal(tfnas.load, name)


def test_a_link_is_not_what_the_index_says(tmp_path):
    name = tfnas.list_models(weights=True)[0]
    zoo = tmp_path / "zoo"
    shutil.copytree(ROOT / "zoo", zoo)
    path = zoo / "weights" / f"{name}.safetensors"
    path.unlink()
    (tmp_path / "other").write_bytes(b"not these")
    path.symlink_to(tmp_path / "other")
    line = refusal(tfnas.load, name, zoo=zoo)
    assert path.name in line
    assert (tmp_path / "other").read_bytes() == b"not these"


# === Files that could run code ===


def test_a_keras_file_is_not_read_for_weights(tmp_path):
    """It may hold a Lambda; weights come from files that hold only them."""
    sprung = tmp_path / "sprung"
    network = keras.Sequential(
        [keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)]
    )
    path = tmp_path / "model.keras"
    network.save(path)
    line = refusal(weights_of, str(path))
    assert str(path) in line
    assert not sprung.exists()


def test_a_genotype_is_data_and_never_evaluated(tmp_path):
    path = tmp_path / "genotype.json"
    touched = tmp_path / "touched"
    path.write_text(f"__import__('pathlib').Path({str(touched)!r}).touch()")
    line = refusal(resolve, {"genotype": str(path)})
    assert f"{path}: line 1: not JSON" in line
    assert not touched.exists()


# === What a machine does not have ===


def test_no_gpu_is_one_line(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    line = refusal(devices.make_strategy, devices.parse("gpu:2"))
    assert line == (
        "--devices=gpu:2: 0 GPU(s) here; use --devices=auto for those"
    )


# === An export that crashes ===


def test_an_export_that_crashes_leaves_nothing(tmp_path, monkeypatch):
    tf2onnx = pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")

    def crash(*_, **__):
        raise RuntimeError("half way")

    monkeypatch.setattr(tf2onnx.convert, "from_keras", crash)
    monkeypatch.setattr(tf2onnx.convert, "from_function", crash)
    network = tfnas.build_network(
        Genotype.from_json(ROOT / "zoo" / "genotypes" / "darts_digits.json"),
        input_shape=(8, 8, 1),
        channels=2,
        cells=2,
    )
    out = tmp_path / "exported"
    with pytest.raises(RuntimeError, match="half way"):
        tfnas.export_network(network, out)
    assert not out.exists() or not list(out.rglob("*.pb"))
    assert not list(tmp_path.rglob("*.onnx"))
