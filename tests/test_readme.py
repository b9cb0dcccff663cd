"""The README: two screens whose table, commands and map are true."""

import re
import sys
import tomllib

import numpy as np
import preloaded
import pytest
from pages import ROOT, code, commands
from PIL import Image

from tfnas import methods, zoo
from tfnas.build.results import benchmarked

README = (ROOT / "README.md").read_text(encoding="utf-8")
SET_UP = [line for line in code(README) if line.startswith("python3 -m venv")]


def test_it_is_short():
    assert len(README.splitlines()) <= 200


def test_the_picture_and_the_table_are_those_of_the_benchmark():
    picture = re.search(r"!\[[^]]*\]\((zoo/comparisons/\w+)\.png\)", README)[1]
    assert (ROOT / f"{picture}.png").is_file()
    table = re.search(r"<!-- bench -->\n(.*?)\n<!-- -->", README, re.DOTALL)[1]
    name = picture.rpartition("/")[2]
    assert table == benchmarked(name), "see tfnas.build --table"


def test_the_first_two_commands_set_up_as_the_checks_do():
    first, second = SET_UP
    assert "'.[cpu]'" in first and "python -m tfnas.search" in first
    checks = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    for program in ("pip install", "python -m pytest"):
        words = re.search(rf"{program} [^&]*", second)[0].split()[2:]
        lines = (line.split() for line in checks)
        assert any(words == line[-len(words) :] for line in lines), words


def test_the_versions_of_python_are_those_of_the_project():
    oldest, newest = re.search(
        r"Python from (3\.\d+) to (3\.\d+)", README
    ).groups()
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    assert project["requires-python"] == f">={oldest}"
    named = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    assert (named[0], named[-1]) == (oldest, newest)


def test_every_method_has_its_row():
    for name in methods.names():
        assert f") | `{name}` |" in README


def test_a_network_that_is_loaded_is_in_the_zoo():
    for name in re.findall(r'tfnas\.load\("([^"]*)"\)', README):
        assert name in zoo.list_models(weights=True)


def test_the_map_names_what_is_there():
    part = README.partition("## Map of the code\n")[2].partition("##")[0]
    names = re.findall(r"^    (\S+)", part, re.MULTILINE)
    assert 10 <= len(names) <= 15
    assert all((ROOT / name).exists() for name in names)


@pytest.mark.slow
def test_its_commands_run_one_after_the_other(tmp_path):
    pytest.importorskip("tf2onnx")
    random = np.random.default_rng(0)
    for name in ("photos/cats", "photos/dogs", "more/cats"):
        (tmp_path / name).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 256, (40, 30 + number, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.jpg")
    Image.fromarray(pixels).save(tmp_path / "photo.jpg")
    for typed in commands(README):
        if typed.name == "demo" or typed.is_light:  # it would serve for ever
            continue
        words = [sys.executable, "-m", f"tfnas.{typed.name}", *typed.words]
        done = preloaded.run(words, cwd=tmp_path)
        assert done.returncode == 0, f"{typed}\n{done.stderr}"
    assert (tmp_path / "runs" / "darts" / "report.html").is_file()
    assert list((tmp_path / "served").rglob("*.onnx"))
