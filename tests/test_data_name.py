"""Titles, tables, tabs and folders have the data's own name."""

import json
from types import SimpleNamespace

import pytest
from small_runs import search_here

from tfnas import search, sweep, train
from tfnas.baseline import config as baseline
from tfnas.compare import labels
from tfnas.runs import earlier, naming


def asked(dataset="image_folder", data_dir=None, dataset_name=None):
    return SimpleNamespace(
        dataset=dataset, data_dir=data_dir, dataset_name=dataset_name
    )


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (asked("digits"), "digits"),
        (asked("cifar10", "data"), "cifar10"),
        (asked(data_dir="my/flowers/"), "flowers"),
        (asked(data_dir="flowers/."), "flowers"),
        (asked(data_dir="a/../flowers"), "flowers"),
        (asked(data_dir="/"), "image_folder"),
        (asked(), "image_folder"),
        (asked(data_dir="flowers", dataset_name="tulips"), "tulips"),
        (asked("digits", dataset_name="numbers"), "numbers"),
    ],
)
def test_data_are_called_by_what_was_said_or_by_their_folder(config, name):
    assert naming.data_name(config) == name


IMAGES = {"dataset": "image_folder", "data_dir": "photos/flowers"}


@pytest.mark.parametrize(
    ("resolve", "given", "folder"),
    [
        (search.resolve, {}, "runs/darts_flowers_seed0"),
        (search.resolve, {"dataset_name": "t"}, "runs/darts_t_seed0"),
        (
            train.resolve,
            {"genotype": "PDARTS"},
            "runs/PDARTS_flowers_trained_seed0",
        ),
        (baseline.resolve, {}, "runs/random_flowers_seed0"),
    ],
)
def test_a_run_s_folder_has_the_name(
    resolve, given, folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    given = {**IMAGES, **given}
    assert resolve(given)[0].out == folder
    # A run that an earlier version began goes on where it is.
    old = folder.replace("flowers", "image_folder").replace("_t_", "_image_")
    (tmp_path / old).mkdir(parents=True)
    assert resolve(given)[0].out == folder
    if "dataset_name" not in given:
        assert resolve({**given, "resume": True})[0].out == old


def test_a_sweep_s_folders_have_it_unless_they_are_there(tmp_path):
    images = tmp_path / "flowers"
    for split in ("train", "test"):
        for name in ("a", "b"):
            folder = images / split / name
            folder.mkdir(parents=True)
            (folder / "1.png").touch()
    out = str(tmp_path / "sweep")
    given = {"datasets": ("image_folder",), "seeds": (0, 1), "out": out}
    given |= {"data_dir": str(images)}

    def folders():
        _, tasks = sweep.config.resolve(given)
        return [task.folder.removeprefix(f"{out}/") for task in tasks]

    assert folders() == ["darts_flowers_seed0", "darts_flowers_seed1"]
    (tmp_path / "sweep" / "darts_image_folder_seed1").mkdir(parents=True)
    assert folders() == ["darts_flowers_seed0", "darts_image_folder_seed1"]


def test_a_comparison_reads_its_labels_off_both_names():
    what = {"dataset": "image_folder", "seed": 3, "method": "darts"}
    for data in ("flowers", "image_folder"):
        name = labels.folder_name("darts+epochs=9", data, 3)
        assert labels.of_folder(name, what, "flowers") == "darts+epochs=9"
    assert labels.of_folder("mine", what, "flowers") == "darts"


@pytest.fixture
def run(tmp_path):
    """A run's folder; `write(name)` says what it calls its data."""
    folder = tmp_path / "run"
    folder.mkdir()
    images = tmp_path / "flowers"
    images.mkdir()

    def write(name):
        given = {"dataset": "image_folder", "data_dir": str(images)}
        config, method = search.resolve(given)
        made = {**config.decisive(method), "data": {"name": name}}
        (folder / "config.json").write_text(json.dumps(made))
        return str(folder)

    return write


@pytest.mark.parametrize("name", ["flowers", "tulips", "image_folder"])
def test_a_run_that_goes_on_keeps_what_it_called_its_data(run, name):
    given = {"out": run(name), "resume": True}
    assert earlier.kept(given["out"], given, "config")["dataset_name"] == name
    config, method = search.resolve(given)
    assert naming.data_name(config) == name
    assert "dataset_name" not in config.decisive(method)["config"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tulips", "tulips"), ("image_folder", "flowers")],
)
def test_a_training_calls_the_data_as_its_search_did(run, name, expected):
    config, *_ = train.resolve({"genotype": "PDARTS", "weights": run(name)})
    assert naming.data_name(config) == expected


def test_every_page_and_file_has_the_name(tmp_path, capsys):
    genotype = search_here(tmp_path / "run", epochs=1, dataset_name="numerals")
    assert genotype.provenance["dataset"] == "numerals"
    said = capsys.readouterr().out
    assert "Data: numerals, 128 of 1,437 training images" in said
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    title = page.partition("<title>")[2].partition("</title>")[0]
    assert "numerals" in title
    assert "numerals" in page.partition("<h1>")[2].partition("</h1>")[0]
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["data"]["name"] == "numerals"
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert "--dataset_name=numerals" in summary["next_command"]
