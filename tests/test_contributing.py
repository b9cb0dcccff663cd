"""The examples of CONTRIBUTING.md, followed to the letter."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = re.compile(
    r"<!-- (file|append): (\S+) -->\n```python\n(.*?)```", re.DOTALL
)
SMALL = [
    "--channels=2",
    "--nodes=1",
    "--epochs=1",
    "--batch_size=256",
    "--train_images=300",
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package with the page's examples applied."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "tfnas", folder / "tfnas")
    examples = EXAMPLE.findall((ROOT / "CONTRIBUTING.md").read_text())
    assert [way for way, _, _ in examples] == ["file", *["append"] * 3]
    for way, path, code in examples:
        with open(folder / path, "x" if way == "file" else "a") as file:
            file.write(code if way == "file" else f"\n\n{code}")
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
    found, config = search(copy, "--method=fair_stages", "--cells=3,4")
    assert found["provenance"]["method"] == "fair_stages"
    assert config["method"]["relaxation"] == "sigmoid"
    assert config["method"]["operations_kept"] == [4]


def test_an_operation_is_a_name_a_layer_and_a_cost(copy):
    found, _ = search(copy, "--operations=conv_1x1,none", "--cells=3")
    for cell in ("normal", "reduce"):
        assert {e["op"] for e in found[cell]["edges"]} == {"conv_1x1"}


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
