"""The examples of docs/adding.md, followed to the letter; CONTRIBUTING.md."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest
from conftest import pytest_terminal_summary

from tfnas.export.requirements import LIBRARIES

ROOT = Path(__file__).parents[1]
EXAMPLE = re.compile(
    r"^(New file|Append to) `(\S+)`:\n\n<!-- applied -->\n```python\n(.*?)```",
    re.MULTILINE | re.DOTALL,
)
SMALL = [
    "--channels=2",
    "--epochs=1",
    "--batch_size=256",
    "--train_images=300",
]


CELLS = ["--nodes=1"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package with the page's examples applied."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "tfnas", folder / "tfnas")
    examples = EXAMPLE.findall((ROOT / "docs/adding.md").read_text())
    ways = [way for way, _, _ in examples]
    new, append = "New file", "Append to"
    assert ways == [new, *[append] * 5, new, *[append] * 2]
    for way, path, code in examples:
        with open(folder / path, "x" if way == new else "a") as file:
            file.write(code if way == new else f"\n\n{code}")
    return folder


def search(folder, *flags):
    done = subprocess.run(
        [sys.executable, "-m", "tfnas.search", *SMALL, *flags, "--out=run"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    out = folder / "run"
    found = json.loads((out / "genotype.json").read_text())
    config = json.loads((out / "config.json").read_text())
    shutil.rmtree(out)
    return found, config


def test_a_method_is_one_file(copy):
    operations = "max_pool_3x3,avg_pool_3x3,skip_connect,sep_conv_3x3,"
    found, config = search(
        copy,
        *("--method=fair_stages", "--cells=3,3", *CELLS),
        f"--operations={operations}dil_conv_3x3",
    )
    assert found["provenance"]["method"] == "fair_stages"
    assert config["method"]["relaxation"] == "sigmoid"
    assert config["method"]["operations_kept"] == [4]


def test_an_operation_is_a_name_a_layer_and_a_cost(copy):
    found, _ = search(copy, "--operations=conv_1x1,none", "--cells=3", *CELLS)
    for cell in ("normal", "reduce"):
        assert {e["op"] for e in found[cell]["edges"]} == {"conv_1x1"}


# The network of what the search found has the weights that were counted.
BUILT = """
import math, sys
import tfnas
from tfnas.cost import built_cost
found = tfnas.Genotype.from_json(sys.argv[1])
size = {"channels": 8, "cells": 20}
weights = tfnas.build_network(found, **size).trainable_variables
counted = built_cost(found, **size).parameters
assert sum(math.prod(v.shape) for v in weights) == counted > 0
"""


def test_a_space_is_a_file_names_and_two_registries(copy):
    found, config = search(copy, "--space=short")
    assert found["space"] == config["method"]["space"] == "short"
    names = {layer["op"] for layer in found["layers"]}
    assert names <= {"mb_3x3_e3", "mb_5x5_e3", "skip"}
    assert len(found["layers"]) == 2
    words = [sys.executable, "-c", BUILT, json.dumps(found)]
    done = subprocess.run(words, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("tool", ["check", "format --check"])
def test_the_examples_are_in_the_project_s_style(copy, tool):
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    config = f"--config={ROOT / 'pyproject.toml'}"
    done = subprocess.run(
        [ruff, *tool.split(), config, "tfnas"],
        cwd=copy,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


# === What the test command installs ===

# Modules that CONTRIBUTING.md installs apart, and the words that do so.
APART = {
    "ray": "torch ray",
    "torch": "torch ray",
    "gradio": "'.[demo]'",
    "playwright": "playwright",
    "tensorflow_serving": "tensorflow-serving-api",
    "grpc": "tensorflow-serving-api",
}


def modules(extra, extras):
    """Yields the modules that an extra of pyproject.toml installs."""
    for requirement in extras[extra]:
        name, _, more = re.split(r"[<>=]", requirement)[0].partition("[")
        if name == "tfnas":
            for other in more.rstrip("]").split(","):
                yield from modules(other, extras)
        yield {"pyyaml": "yaml"}.get(name, name.replace("-", "_"))


def test_the_test_command_installs_what_tests_would_skip_without():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = set(LIBRARIES)
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text()
        needed |= set(re.findall(r'importorskip\(\s*"(\w+)', text))
        needed |= set(re.findall(r'find_spec\(\s*"(\w+)', text))
    assert {"keras_tuner", "yaml", "torch"} <= needed
    installed = set(modules("test", project["optional-dependencies"]))
    assert needed - installed == APART.keys()
    page = (ROOT / "CONTRIBUTING.md").read_text()
    assert all(words in page for words in APART.values())
    for name in ("CONTRIBUTING.md", ".ci/run"):
        assert "install -e '.[cpu,test]'" in (ROOT / name).read_text().replace(
            "install -q -e", "install -e"
        )


def test_skipped_tests_are_counted_and_named_at_the_end():
    def skipped(test, reason):
        place = ("somewhere.py", 1, f"Skipped: {reason}")
        return types.SimpleNamespace(nodeid=test, longrepr=place)

    lines = []
    reporter = types.SimpleNamespace(
        stats={
            "skipped": [
                skipped("tests/test_a.py::one", "no Graphviz"),
                skipped("tests/test_b.py", "could not import 'ray'"),
                skipped("tests/test_c.py::one", "could not import 'ray'"),
            ]
        },
        section=lines.append,
        write_line=lines.append,
    )
    pytest_terminal_summary(reporter)
    assert lines == [
        "skipped",
        "   2  could not import 'ray' (tests/test_b.py, tests/test_c.py)",
        "   1  no Graphviz (tests/test_a.py)",
    ]
    lines.clear()
    pytest_terminal_summary(types.SimpleNamespace(stats={}))
    assert not lines
