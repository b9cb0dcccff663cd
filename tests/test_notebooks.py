"""The notebooks in `examples`: they run, and the manual shows all of them."""

import ast
import json
import re
import sys
from pathlib import Path

import pytest
from small_runs import GIVEN
from test_flags import COMMANDS, names_of

from tfnas.genotype import Genotype
from tfnas.spaces.nasbench201 import SPACE, to_string

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ("digits", "own_images", "two_methods")
SEARCH = {**GIVEN, "epochs": 1}
TRAINING = {"channels": 2, "cells": 3, "epochs": 1}


@pytest.fixture(scope="module")
def scripts():
    sys.path.append(str(ROOT / "docs"))
    from ext import scripts

    sys.path.pop()
    return scripts


def source(name):
    return (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")


def run(name, **settings):
    """Run a notebook with other values of its settings."""
    tree = ast.parse(source(name))
    for node in tree.body:
        if isinstance(node, ast.Assign):
            target = ast.unparse(node.targets[0])
            if target in settings:
                value = repr(settings.pop(target))
                node.value = ast.parse(value, mode="eval").body
    assert not settings
    code = compile(ast.fix_missing_locations(tree), name, "exec")
    values = {"__name__": name}
    exec(code, values)
    return values


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_page_and_notebook_have_every_line(name, scripts):
    text = source(name)
    code = [c for kind, c in scripts.cells(text) if kind == "code"]
    without = ast.parse(text)
    assert isinstance(without.body.pop(0), ast.Expr)  # the docstring
    assert ast.dump(ast.parse("\n".join(code))) == ast.dump(without)
    page = scripts.page(text)
    assert page.startswith("# ") and page.count("\n# ") == 0
    notebook = json.loads(json.dumps(scripts.notebook(text)))
    assert [c["source"] for c in notebook["cells"] if "outputs" in c] == code
    place = ROOT / "docs" / "notebooks" / f"{name}.md"
    assert place.read_text() == f"<!-- script: examples/{name}.py -->\n"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_flags_of_settings_and_commands_are_known(name):
    text = source(name)
    known = {c: set(names_of(*configs)) for c, configs in COMMANDS.items()}
    settings = {
        ast.unparse(node.targets[0]): node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
    }
    for setting, command in (("SEARCH", "search"), ("TRAINING", "train")):
        if setting in settings:
            assert ast.literal_eval(settings[setting]).keys() <= known[command]
    lines = text.replace("\\\n#", "")
    commands = re.findall(r"^#     tfnas (\w+) (.*)", lines, re.MULTILINE)
    assert commands
    for command, words in commands:
        # A comparison passes on what a search takes.
        flags = (
            known[command]
            | known["search" if command == "compare" else command]
        )
        assert {*re.findall(r"--(\w+)", words)} <= flags


def test_digits_from_a_search_to_a_prediction(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    values = run("digits", SEARCH=SEARCH, TRAINING=TRAINING)
    assert (tmp_path / values["FOLDER"] / "cells.svg").is_file()
    said = capsys.readouterr().out
    assert str(values["found"].genotype) in said
    assert "edge  0: " in said and "true: ['" in said


@pytest.mark.slow
def test_a_folder_from_its_images_to_a_prediction(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    small = {k: v for k, v in SEARCH.items() if k != "train_images"}
    values = run("own_images", SEARCH=small, TRAINING=TRAINING)
    written = [*values["images"].glob("*/*.png")]
    digits = values["tfnas"].data.load("digits").train
    assert len(written) == sum(n in (0, 1, 8) for n in digits.labels.tolist())
    *_, said = capsys.readouterr().out.splitlines()
    assert str(values["image"]) in said
    assert {"zero", "one", "eight"} & {*re.findall(r"\w+", said)}


@pytest.mark.slow
def test_two_methods_with_a_table_of_the_benchmark(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    small = {"channels": 2, "cells": 3, "epochs": 1, "train_images": 64}
    small |= {"operations": ("skip_connect", "nor_conv_1x1")}
    # A table of the 64 cells that these searches can find.
    rows = ["arch,cifar10,cifar100,imagenet16_120"]
    edges = [*SPACE.choices()]
    for number in range(2 ** len(edges)):
        chosen = {
            edge: small["operations"][number >> i & 1]
            for i, edge in enumerate(edges)
        }
        rows.append(f"{to_string(SPACE.genotype(chosen))},{number},0,0")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(rows) + "\n")
    values = run("two_methods", SEARCH=small, SEEDS=(0, 1), TABLE=str(table))
    found = values["found"]
    assert [*found] == [(m, s) for m in values["METHODS"] for s in (0, 1)]
    assert all(isinstance(g, Genotype) for g in found.values())
    said = capsys.readouterr().out
    for name in values["METHODS"]:
        assert re.search(rf"^{name}: \d+\.\d\d ± \d+\.\d\d % on", said, re.M)
    assert said.count("ranks: ") == 2
