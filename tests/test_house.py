"""The plan of the house: directions, sizes and costs that hold everywhere."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tfnas

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted((ROOT / "tfnas").rglob("*.py"))
}
# A module imports from its own line and the lines below it, never from above.
LEVELS = [
    {"search", "train", "convert", "export", "exporting", "demo", "build"}
    | {"building", "benchmark", "benchmarking", "tuning", "sweep", "sweeping"}
    | {"baseline", "baseline_run", "compare", "comparing"},
    {"search_run", "train_run", "convert_run", "trials"},
    {"baselines"},
    {"authors_weights"},
    {"authors_network", "authors_supernet"},
    {"resumable"},
    {"fitting", "preparation"},
    {"callbacks", "plan", "summary", "determinism", "threads"} | {"workers"},
    {"hessian"},
    {"proxy"},
    {"report", "runs", "data", "history", "authors", "zoo", "weights"}
    | {"trained_run"},
    {"weight_files", "network_sizes", "network_fields"},
    {"supervised"},
    {"bilevel"},
    {"alternation"},
    {"hypergradient"},
    {"networks"},
    {"layers"},
    {"optimizers", "distributed_model"},
    {"budget"},
    {"regularization", "relaxation", "methods", "cost", "derivation"},
    {"recipe"},
    {"schedule", "selection"},
    {"spaces"},
    {"drawing", "drawing_matplotlib"},
    {"genotype", "genotype_schema"},
    {"earlier"},
    {"command", "cluster"},
    {"devices", "interruption", "processor"},
    {"choice", "errors", "registered"},
]
LEVEL = {name: -depth for depth, line in enumerate(LEVELS) for name in line}
# Flags, lists and argument errors are made of these, so they start at once.
LIGHT = {"errors", "genotype", "drawing", "spaces", "methods", "schedule"}
LIGHT |= {"derivation", "cost", "choice", "command", "search", "benchmark"}
LIGHT |= {"recipe", "train", "zoo", "convert", "weight_files", "network_sizes"}
LIGHT |= {"sweep", "sweeping", "export", "demo", "baseline", "compare"}
LIGHT |= {"comparing"}
LIGHT |= {"build", "building", "tuning", "cluster", "devices", "interruption"}
LIGHT |= {"selection", "processor", "trained_run", "network_fields"}
LIGHT |= {"registered", "earlier"}


def arrows(module, source):
    """Yields every module of tfnas that a module's source imports."""
    package = module.split(".")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package[: -node.level] if node.level else []
            base = ".".join([*parts, *filter(None, [node.module])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "tfnas")


def upward(module, source):
    """Returns one line for every import that points up the levels."""
    here = module.split(".")[1]
    found = []
    for target in arrows(module, source):
        there = [*target.split("."), ""][1]
        if LEVEL.get(there, 1) > LEVEL[here]:
            found.append(f"{module} imports {target}")
    return found


def heads():
    """Returns the modules and packages directly below tfnas."""
    return {name.split(".")[1] for name in MODULES} - {"__init__"}


def test_every_module_has_a_level():
    assert heads() <= LEVEL.keys()


def test_imports_point_down():
    sources = {name: path.read_text() for name, path in MODULES.items()}
    del sources["tfnas.__init__"]
    found = [line for item in sources.items() for line in upward(*item)]
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "import tfnas.bilevel",
        "from tfnas import bilevel",
        "from tfnas.bilevel import train_step",
        "from .. import bilevel",
        "from ..bilevel import train_step",
        "def late():\n    from tfnas.bilevel import train_step",
        "import tfnas",
    ],
)
def test_an_import_that_points_up_is_seen(source):
    assert upward("tfnas.spaces.darts", source)


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np",
        "from tfnas.genotype import Edge",
        "from ..genotype import Edge",
        "from . import attention",
    ],
)
def test_an_import_that_points_down_is_let_through(source):
    assert not upward("tfnas.spaces.darts", source)


def test_a_module_holds_one_idea():
    lines = {
        name: len(path.read_text().splitlines())
        for name, path in MODULES.items()
    }
    assert not {name: count for name, count in lines.items() if count > 320}


def heavy_after(statement):
    """Runs a statement in a new Python; returns the heavy modules it has."""
    code = (
        f"import sys\n{statement}\n"
        "print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return ast.literal_eval(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "statement",
    ["import tfnas; dir(tfnas)", "import tfnas; tfnas.Genotype"]
    + ["import tfnas; tfnas.list_models(); tfnas.load"]
    + [f"import {m}" for m in MODULES if m.split(".")[1] in LIGHT],
)
def test_light_modules_start_without_tensorflow(statement):
    assert heavy_after(statement) == []


def test_an_import_of_tensorflow_is_noticed():
    assert heavy_after("sys.modules['tensorflow'] = sys") == ["tensorflow"]


@pytest.mark.parametrize("name", sorted(heads()))
def test_modules_resolve_after_a_plain_import(name):
    assert getattr(tfnas, name).__name__ == f"tfnas.{name}"


@pytest.mark.parametrize(
    "name", ["Genotype", "Supernet", "build_network", "list_models", "load"]
)
def test_public_names_resolve(name):
    assert name in dir(tfnas)
    assert getattr(tfnas, name).__name__ == name


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'supernets'"):
        tfnas.supernets  # noqa: B018


def test_tracked_files_name_no_machine():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so there are no tracked files")
    listing = subprocess.run(
        ["git", "ls-files", "-z"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    folder = re.compile(r"(?<![\w.~-])/(root|home|tmp|work)/\w")
    found = []
    for name in filter(None, listing.stdout.split("\0")):
        path = ROOT / name
        data = path.suffix in {".keras", ".npz", ".png", ".safetensors"}
        if data or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        if match := folder.search(text):
            found.append(f"{name}: {match.group()}")
    assert not found
