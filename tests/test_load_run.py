"""`tfnas.load` of a training's folder, and the snippets that people get."""

import contextlib
import dataclasses
import html
import io
import json
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import safetensors.numpy

import tfnas
from tfnas import data, demo, report
from tfnas.errors import UserError
from tfnas.export import ExportConfig
from tfnas.export.requirements import LIBRARIES
from tfnas.runs import recorded
from tfnas.runs.folder import Folder
from tfnas.runs.reading import read_run
from tfnas.train import TrainConfig
from tfnas.zoo.loading import weights_of

ROOT = Path(__file__).parents[1]
CARDS = sorted((ROOT / "zoo" / "cards").glob("*.md"))
EVERYDAY = "darts_digits.digits_c16_l6"


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


@pytest.fixture
def copy(tiny, tmp_path):
    return shutil.copytree(tiny.run, tmp_path / "run")


@pytest.fixture
def older(copy):
    """A training of before mean and deviation were recorded."""
    change(
        copy, "config", lambda c: [c["data"].pop(k) for k in ("mean", "std")]
    )
    return copy


def change(folder, name, edit):
    path = folder / f"{name}.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def remove(folder, group, *names):
    """Take values out of a group of config.json."""
    change(folder, "config", lambda c: [c[group].pop(n) for n in names])


def correct(model, split):
    """How many of a split's images, as they are, a model classifies right."""
    found = model.predict(split.images, batch_size=256, verbose=0)
    return int((found.argmax(-1) == split.labels).sum())


def run_snippet(code):
    """What a snippet leaves: its variables."""
    variables = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, variables)
    return variables


def bias(model):
    return np.asarray(model.get_layer("logits").bias)


# === Snippets ===


def test_the_report_s_snippet_has_the_run_s_accuracy(copy, digits):
    page = report.write_report(copy).read_text()
    (code,) = re.findall(r"<code>(import tfnas.*?)</code>", page, re.DOTALL)
    model = run_snippet(html.unescape(code))["model"]
    summary = json.loads((copy / "summary.json").read_text())
    assert correct(model, digits.test) == summary["test_correct"]
    assert model.classes == digits.classes == tuple("0123456789")


def test_the_snippet_of_a_folder_named_like_a_network(
    copy, tmp_path, monkeypatch
):
    copy.rename(tmp_path / "DARTS_V2")
    monkeypatch.chdir(tmp_path)
    page = report.write_report("DARTS_V2").read_text()
    (code,) = re.findall(r"<code>(import tfnas.*?)</code>", page, re.DOTALL)
    model = run_snippet(html.unescape(code))["model"]
    assert model.input_shape == (None, 8, 8, 1)


def of_card(path):
    """One card is tested every day."""
    marks = [] if path.stem == EVERYDAY else [pytest.mark.slow]
    return pytest.param(path, id=path.stem, marks=marks)


def card_snippet(path):
    (code,) = re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)
    return run_snippet(code)["model"]


@pytest.mark.parametrize(
    "card",
    [
        pytest.param(
            path,
            id=path.stem,
            marks=[pytest.mark.slow] * (path.stem != EVERYDAY),
        )
        for path in CARDS
    ],
)
def test_a_card_s_snippet_has_the_card_s_accuracy(card):
    entry = tfnas.zoo.entry(card.stem)
    given = recorded.parse(TrainConfig, entry.training["command"])
    if given.get("data_dir") == recorded.DIR:
        pytest.skip(f"{entry.dataset}: its images are not at hand")
    try:
        dataset = data.load(entry.dataset)
    except UserError as error:
        pytest.skip(str(error))
    model = card_snippet(card)
    assert correct(model, dataset.test) == entry.test["correct"]
    assert model.classes == entry.classes == tuple(dataset.classes)


# === Folders ===


def test_a_folder_loads_as_the_zoo_s_entry_of_it(tiny, digits):
    images = digits.test.images[:16]
    one, two = tfnas.load(str(tiny.run)), tfnas.load(tiny.name, zoo=tiny.zoo)
    np.testing.assert_array_equal(one(images), two(images))
    recorded = read_run(tiny.run).config["data"]
    assert recorded["mean"] == list(digits.mean)
    assert recorded["std"] == list(digits.std)


def test_a_folder_needs_no_images(copy, digits):
    """Mean and deviation are in it."""
    change(copy, "config", lambda c: c["config"].update(dataset="gone"))
    assert correct(tfnas.load(copy), digits.test)


def test_an_older_folder_takes_them_from_its_images(tiny, older, digits):
    from tfnas.zoo.source import of_config

    images = digits.test.images[:16]
    wanted = tfnas.load(tiny.run)(images)
    np.testing.assert_array_equal(tfnas.load(older)(images), wanted)
    source = of_config(demo.DemoConfig(run=str(older)))
    np.testing.assert_array_equal(source.network(images), wanted)
    assert source.origin["mean"] == list(digits.mean)


def test_quantizing_needs_the_network_s_own_images(tiny, tmp_path):
    for library in LIBRARIES:
        pytest.importorskip(library)
    from tfnas.export import run
    from tfnas.zoo import source

    flags = {"run": str(tiny.run), "quantize": ("int8",)}
    config = ExportConfig(**flags, out=str(tmp_path / "out"), name="x")
    found = dataclasses.replace(source.of_config(config), classes=("a", "b"))
    with pytest.raises(UserError, match="--quantize: .*digits has 10 or other"):
        run.export_source(found, config)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda c: c["config"].update(
                dataset="image_folder", data_dir="gone"
            ),
            "gone.*data_dir; .* is from an earlier version",
        ),
        (
            lambda c: c["data"].update(classes=["a", "b"]),
            "trained on 2 classes",
        ),
    ],
)
def test_an_older_folder_without_its_images_is_refused(older, edit, message):
    change(older, "config", edit)
    with pytest.raises(UserError, match=message) as caught:
        tfnas.load(older)
    assert "\n" not in str(caught.value)


def test_an_older_training_is_resumed(older):
    """What it did not record is not compared."""
    earlier = json.loads((older / "config.json").read_text())
    now = {**earlier, "data": {**earlier["data"], "mean": [0.3], "std": [0.4]}}
    assert Folder(older, now, resume=True).check()
    now["data"]["train"] = 1
    with pytest.raises(UserError, match="data.train was 240, now 1"):
        Folder(older, now, resume=True).check()


@pytest.mark.parametrize("chosen", ["best", "last"])
def test_the_weights_are_those_that_were_tested(copy, chosen):
    arrays = weights_of(copy)
    for number, name in enumerate(("best", "last")):
        arrays["logits/bias"] = np.full(10, number, "float32")
        path = copy / f"{name}.safetensors"
        safetensors.numpy.save_file(arrays, path)
    change(copy, "summary", lambda s: s.update(weights=chosen))
    assert {*bias(tfnas.load(copy))} == {["best", "last"].index(chosen)}


def test_without_weights_a_folder_has_new_ones(tiny):
    model, new = (tfnas.load(tiny.run, weights=w) for w in (True, False))
    assert new.classes == model.classes
    assert new.get_layer("normalization").mean == (
        model.get_layer("normalization").mean
    )
    assert not np.array_equal(bias(new), bias(model))


def test_a_name_of_the_zoo_comes_before_a_folder(copy, tmp_path, monkeypatch):
    copy.rename(tmp_path / EVERYDAY)
    monkeypatch.chdir(tmp_path)
    assert tfnas.load(EVERYDAY).count_params() > 100_000
    for folder in (f"./{EVERYDAY}", Path(EVERYDAY), tmp_path / EVERYDAY):
        assert tfnas.load(folder).count_params() < 10_000


# === Other folders ===


def unfinished(folder):
    (folder / "summary.json").unlink()


def of_a_search(folder):
    change(
        folder, "config", lambda c: [c.pop(k) for k in ("recipe", "genotype")]
    )


def of_a_baseline(folder):
    change(folder, "config", lambda c: c.pop("genotype"))


def of_something_else(folder):
    for path in folder.glob("*.json"):
        path.unlink()


def a_list(folder):
    (folder / "config.json").write_text("[]")


def no_json(folder):
    (folder / "config.json").write_text("{")


def without_weights(folder):
    (folder / "last.safetensors").unlink()


def other_weights(folder):
    change(folder, "summary", lambda s: s.update(weights="../last"))


def two_means(folder):
    change(folder, "config", lambda c: c["data"].update(mean=[0.1] * 3))


def no_deviation(folder):
    change(folder, "config", lambda c: c["data"].update(std=[0]))


def channels_in_words(folder):
    change(folder, "config", lambda c: c["recipe"].update(channels="two"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (unfinished, "summary.json: missing; .* --resume"),
        (of_a_search, "not from tfnas.train; train .* tfnas.train --genotype="),
        (
            of_a_baseline,
            "not from tfnas.train; train .* tfnas.train --genotype=",
        ),
        (of_something_else, "config.json: missing; use"),
        (a_list, "not from tfnas.train"),
        (no_json, "config.json: not JSON"),
        (without_weights, "last.safetensors: missing; "),
        (other_weights, "summary.json: weights='../last' is neither best"),
        (two_means, "config.json: mean needs one value per channel"),
        (
            no_deviation,
            r"config.json: std=\[0\] is not a list of",
        ),
        (channels_in_words, "config.json: channels='two' is not a whole"),
    ],
)
def test_a_folder_that_cannot_be_loaded_is_one_line(copy, damage, message):
    damage(copy)
    with pytest.raises(UserError, match=message) as caught:
        tfnas.load(copy)
    assert "\n" not in str(caught.value)
    assert str(copy) in str(caught.value)


# === Names of classes ===


def test_classes_survive_files_and_clones(tiny, digits, tmp_path):
    model = tfnas.load(tiny.name, zoo=tiny.zoo)
    path = tmp_path / "network.keras"
    model.save(path)
    again = type(model).from_config(model.get_config())
    clone = keras.models.clone_model(model)
    for other in (keras.models.load_model(path), again, clone):
        assert other.classes == digits.classes
        other.set_weights(model.get_weights())
        images = digits.test.images[:4]
        np.testing.assert_array_equal(other(images), model(images))


@pytest.mark.parametrize(
    "policy",
    [pytest.param("mixed_float16", marks=pytest.mark.slow), "bfloat16"],
)
def test_it_loads_and_predicts_in_half_precision(
    tiny, digits, tmp_path, policy
):
    images, usual = digits.test.images[:32], keras.config.dtype_policy()
    wanted = np.asarray(tfnas.load(tiny.run)(images))
    keras.config.set_dtype_policy(policy)
    try:
        model = tfnas.load(tiny.run)
    finally:
        keras.config.set_dtype_policy(usual)
    path = tmp_path / "network.keras"
    model.save(path)
    for one in (model, keras.models.load_model(path)):
        found = one.predict(images, verbose=0)
        assert found.dtype.name == policy.removeprefix("mixed_")
        error = np.abs(found.astype("float32") - wanted).max()
        assert error < 0.1 * np.abs(wanted).max()
