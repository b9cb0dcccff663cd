"""The zoo's genotypes by name, and its index."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from published import COUNTS, published

import tfnas
from tfnas import cost, zoo
from tfnas.errors import UserError
from tfnas.zoo import index
from tfnas.zoo.schema import Entry

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", COUNTS)
def test_a_published_genotype_has_its_cells_and_its_exact_cost(name):
    genotype = zoo.genotype(name)
    assert genotype.cells == published(name).cells
    counts = COUNTS[name]["counts"]["cifar10_C36_L20"]
    found = cost.network_cost(genotype)
    assert found.parameters == counts["parameters"]
    assert found.multiply_adds == counts["multiply_adds"]


def test_fair_darts_is_known_by_its_method():
    assert zoo.genotype("FairDARTS_a").provenance["method"] == "fair_darts"
    assert zoo.genotype("PDARTS").provenance["method"] == "pdarts"


def test_a_name_a_file_and_a_run_s_folder_are_the_same(tmp_path):
    path = ROOT / "zoo" / "genotypes" / "darts_digits.json"
    shutil.copy(path, tmp_path / "genotype.json")
    named = zoo.genotype("darts_digits")
    assert named == zoo.genotype(path) == zoo.genotype(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "darts_v2",
            "--genotype=darts_v2: neither a file nor in the zoo; did ",
        ),
        ("darts_v2", "did you mean DARTS_V2?"),
        ("qqqqqq", "see --help"),
        ("no/such.json", "no/such.json"),
    ],
)
def test_an_unknown_name_is_one_line(name, message):
    with pytest.raises(UserError) as caught:
        zoo.genotype(name)
    assert message in str(caught.value)


def test_an_unknown_operation_is_refused_by_its_field(tmp_path):
    data = json.loads((ROOT / "zoo/published/PDARTS.json").read_text())
    data["normal"]["edges"][0]["op"] = "conv_9x9"
    (tmp_path / "mine.json").write_text(json.dumps(data))
    with pytest.raises(UserError, match=r"normal.edges\[0\].op"):
        zoo.genotype(tmp_path / "mine.json")


def test_a_network_s_name_stands_for_its_genotype():
    assert zoo.genotype("darts_digits.digits_c2_l3") == zoo.genotype(
        "darts_digits"
    )


# === The index ===


def test_every_published_cell_is_listed_with_its_paper_s_figures():
    assert COUNTS.keys() <= set(tfnas.list_models())
    entry = zoo.entry("PDARTS")
    assert entry.kind == "paper"
    assert "2.50" in entry.paper["cifar10_error_percent"]
    assert entry.test is None and entry.weights is None
    assert "PDARTS" not in tfnas.list_models(weights=True)


def test_results_have_a_row_for_each_entry():
    with open(ROOT / "zoo" / "results.csv", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    entries = [name for name in rows if "/" not in name]
    assert sorted(entries) == tfnas.list_models()
    assert rows["DARTS_V2"]["parameters"] == "3349342"
    assert rows["DARTS_V2"]["test_accuracy_percent"] == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../x", "'../x': neither a name of the zoo"),
        ("/etc/passwd", "'/etc/passwd': neither a name of the zoo"),
        ("weights/../../x.json", "neither a name of the zoo"),
        ("DARTS_V2\n", "neither a name of the zoo"),
        (Path("DARTS_V2"), "neither a name of the zoo"),
        ("darts_v2", "did you mean DARTS_V2?"),
        ("qqqqqq", "qqqqqq: no such network in the zoo; tfnas.list_models()"),
        ("DARTS_V2", "DARTS_V2: has no weights in the zoo; train it with"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(name, message):
    with pytest.raises(UserError) as caught:
        tfnas.load(name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


FILE = {"sha256": "0" * 64, "bytes": 1}
RIGHT = {
    "name": "mine_digits.digits_c8_l5",
    "kind": "measured here",
    "dataset": "digits",
    "image_shape": [8, 8, 1],
    "image_range": [0, 255],
    "mean": [0.3],
    "std": [0.4],
    "classes": ["a", "b"],
    "channels": 8,
    "cells": 5,
    "stem": "cifar",
    "parameters": 10,
    "multiply_adds": 20,
    "genotype": FILE,
    "weights": FILE,
    "test": {"images": 10, "correct": 9},
    "training": {
        "command": "python -m tfnas.train --genotype=mine_digits",
        "recipe": {},
        "seed": 0,
        "hours": 0.1,
        "machine": "2 cores",
    },
}


def test_an_entry_is_the_same_after_json():
    entry = Entry.from_dict(RIGHT)
    assert entry.to_dict() == RIGHT
    assert entry.architecture == "mine_digits"
    assert entry.accuracy == 0.9
    again = Entry.from_dict(json.loads(json.dumps(entry.to_dict())))
    assert again == entry


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../x"}, "name='../x' is not a name"),
        (
            {"name": "mine.digits_c9_l5"},
            "channels and cells differ from the name",
        ),
        ({"name": "mine.mnist_c8_l5"}, "dataset differs from the name"),
        ({"kind": "hearsay"}, "kind='hearsay' is not 'measured here' or"),
        ({"image_shape": [8, 8]}, "image_shape=[8, 8] is not"),
        ({"image_range": [0, 1]}, "image_range=[0, 1] is not [0, 255]"),
        ({"mean": [0.1, 0.2, 0.3]}, "mean needs one value per channel"),
        ({"std": [0]}, "std=[0] is not"),
        ({"classes": ["a"]}, "classes=['a'] is not"),
        ({"channels": True}, "channels=True is not a whole number"),
        ({"method": 7}, "method=7 is not a name"),
        ({"stem": "resnet"}, "stem='resnet' is not cifar or imagenet"),
        ({"genotype": {"sha256": "0", "bytes": 1}}, "genotype={"),
        ({"weights": None}, "has no weights, test or training"),
        ({"test": {"images": 1, "correct": 2}}, "more correct images than"),
        ({"training": {"command": "x"}}, "training={"),
        ({"kind": "paper", "test": None}, "so it needs paper"),
        ({"path": "x"}, "'path' is not a field"),
    ],
)
def test_a_wrong_entry_is_refused_by_its_field(tmp_path, change, message):
    with pytest.raises(UserError) as caught:
        Entry.from_dict({**RIGHT, **change})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("{", "not JSON"),
        ("[]", "not of the format tfnas-zoo/1"),
        ('{"format": "tfnas-zoo/1"}', "models is missing"),
        (
            '{"format": "tfnas-zoo/1", "models": [1]}',
            "an entry is not an object",
        ),
        (
            json.dumps({"format": "tfnas-zoo/1", "models": [RIGHT, RIGHT]}),
            "mine_digits.digits_c8_l5 is listed twice",
        ),
    ],
)
def test_a_damaged_index_is_one_line(tmp_path, text, message):
    if text is not None:
        (tmp_path / "index.json").write_text(text)
    with pytest.raises(UserError) as caught:
        index.entries(tmp_path)
    assert message in str(caught.value)
    assert "index.json" in str(caught.value)
