"""The plan of the house: directions and costs that hold everywhere."""

import ast
import importlib
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tfnas
from tfnas import methods, spaces
from tfnas.runs import contents

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted((ROOT / "tfnas").rglob("*.py"))
}
# A room imports from its own line and the lines below it, never from above:
# commands, what a run leaves, the science, and what everything stands on.
LEVELS = [
    *({"benchmark"}, {"build"}, {"compare"}, {"sweep"}, {"demo"}, {"export"}),
    *({"convert"}, {"baseline"}, {"search"}, {"train"}),
    *({"report"}, {"zoo"}, {"runs"}),
    *({"bilevel"}, {"networks"}, {"layers"}, {"cost"}, {"methods"}),
    *({"derivation"}, {"spaces"}, {"genotype"}),
    {"relaxation", "regularization", "selection"},
    {"schedule"},
    *({"data", "devices"}, {"cli"}, {"choice"}, {"errors"}),
]
LEVEL = {name: -depth for depth, line in enumerate(LEVELS) for name in line}
# Flags, lists and argument errors are made of these, so they start at once:
# whole rooms, files of these names in any room, and single modules.
LIGHT = {"errors", "choice", "schedule", "selection", "cli", "genotype"}
LIGHT |= {"spaces", "methods", "derivation", "cost", "zoo"}
LIGHT |= {"sweep", "compare", "build"}
LIGHT_FILES = {"config", "__main__", "tune"}
LIGHT_MODULES = {
    *("networks.__init__", "networks.registered", "train.recipe"),
    *("convert.files", "convert.sizes"),
    *("devices.devices", "devices.cluster", "devices.processor"),
    *("runs.contents", "runs.earlier", "runs.network_fields"),
    *("runs.parsing", "runs.reading", "runs.recorded"),
}


def is_light(module):
    """Whether a module has to start without TensorFlow."""
    _, room, *rest = module.split(".")
    name = ".".join([room, *rest])
    file = name.rpartition(".")[2]
    return room in LIGHT or file in LIGHT_FILES or name in LIGHT_MODULES


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
        "import tfnas.bilevel.search",
        "from tfnas import bilevel",
        "from tfnas.bilevel.search import descend",
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


# === What a command has of another ===

COMMANDS = [*itertools.takewhile(lambda room: room != {"report"}, LEVELS)]
COMMANDS = set.union(*COMMANDS)


def exported(command):
    """The names that a command's package gives to others."""
    return importlib.import_module(f"tfnas.{command}").__all__


def reaching_in(module, source):
    """Returns one line for every import of what another command keeps."""
    here = module.split(".")[1]
    found = []
    for target in arrows(module, source):
        _, there, *rest = target.split(".")
        if there not in COMMANDS - {here} or not rest:
            continue
        if len(rest) > 1 or rest[0] not in exported(there):
            found.append(f"{module} imports {target}")
    return found


def test_of_another_command_only_its_package_is_imported():
    found = [
        line
        for name, path in MODULES.items()
        if name != "tfnas.__init__"
        for line in reaching_in(name, path.read_text())
    ]
    assert not found


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_gives_few_names_to_others(command):
    assert len(exported(command)) <= 5


@pytest.mark.parametrize(
    "source",
    [
        "from tfnas.train import run",
        "from tfnas.train.config import TrainConfig",
        "import tfnas.train.recipe",
        "def late():\n    from tfnas.train.run import validate",
    ],
)
def test_an_import_of_what_a_command_keeps_is_seen(source):
    assert reaching_in("tfnas.search.run", source)
    assert not reaching_in("tfnas.train.run", source)
    assert not reaching_in("tfnas.search.run", "from tfnas.train import Recipe")


# === A run's files ===

RUN_FILES = {
    value
    for value in vars(contents).values()
    if isinstance(value, str) and Path(value).suffix
}


def naming(source):
    """Returns the strings of a source that are a run's file, or end in one.

    Docstrings and help texts are longer, and may tell of them.
    """
    return [
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.rpartition("/")[2] in RUN_FILES
    ]


def test_only_runs_knows_the_names_of_a_run_s_files():
    assert {"config.json", "alphas.npz", "best.safetensors"} <= RUN_FILES
    found = {
        name: named
        for name, path in MODULES.items()
        if not name.startswith("tfnas.runs.")
        and (named := naming(path.read_text()))
    }
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        'path = folder / "summary.json"',
        'path = f"{folder}/genotype.json"',
        'open("runs/mine/history.csv")',
        'FILES = {"report.html": "the page"}',
    ],
)
def test_the_name_of_a_run_s_file_is_seen(source):
    assert naming(source)
    assert not naming('"""Writes summary.json to a folder."""')


def test_few_files_lie_outside_the_rooms():
    assert len(list((ROOT / "tfnas").glob("*.py"))) <= 7


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
    + ["import tfnas; tfnas.list_models(); tfnas.load; tfnas.drawing"]
    + [f"import {m}" for m in MODULES if is_light(m)],
)
def test_light_modules_start_without_tensorflow(statement):
    assert heavy_after(statement) == []


def test_an_import_of_tensorflow_is_noticed():
    assert heavy_after("sys.modules['tensorflow'] = sys") == ["tensorflow"]


@pytest.mark.parametrize("name", sorted(heads()))
def test_modules_resolve_after_a_plain_import(name):
    assert getattr(tfnas, name).__name__ == f"tfnas.{name}"


@pytest.mark.parametrize(
    "name",
    ["Genotype", "Supernet", "build_network", "export_network"]
    + ["list_models", "load"],
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


# === Who knows a space by its name ===

# The spaces themselves, the format, and the two registries.
KNOW_SPACES = ("spaces/", "genotype/schema.py")
KNOW_SPACES += ("networks/__init__.py", "cost/__init__.py")
# What is one space's by nature, four at most, each with its reason.
ONE_SPACE = {
    "compare/lookup.py": "the published table is of NAS-Bench-201's cells",
}
# "darts" is a method too: it is a space's name where a space is spoken of.
ALONE = set(spaces.names()) - set(methods.names())


def by_name(source):
    """Yields every expression that decides by a space's name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
            if any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
                parts += list(ast.walk(node.comparators[0]))
                spoken_of = re.search(r"\bspace\W*$", ast.unparse(node.left))
                if spoken_of and not isinstance(node.left, ast.Constant):
                    yield ast.unparse(node)
        elif isinstance(node, ast.Dict):
            parts = node.keys
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            parts = node.elts
        elif isinstance(node, ast.match_case):
            parts = ast.walk(node.pattern)
        else:
            continue
        found = {p.value for p in parts if isinstance(p, ast.Constant)}
        spoken = "space" in ast.unparse(node)
        if found & ALONE or spoken and found & set(spaces.names()):
            yield ast.unparse(node)


def test_a_space_is_known_by_its_name_in_few_places():
    found = {}
    for path in MODULES.values():
        place = str(path.relative_to(ROOT / "tfnas"))
        lines = list(by_name(path.read_text()))
        if lines and not place.startswith(KNOW_SPACES):
            found[place] = lines
    assert found.keys() == ONE_SPACE.keys(), found
    assert len(ONE_SPACE) <= 4


@pytest.mark.parametrize(
    "source",
    [
        'if genotype.space == "darts": pass',
        'mobile = "mobile" != space',
        'if values["space"] in known: pass',
        'if given.get("space") not in ("darts", "nasbench201"): pass',
        'SPACES = ("darts", "nasbench201")',
        'kind = {"darts": Supernet, "nasbench201": BenchSupernet}[name]',
        'x = {"darts": 1}[method.space] if {"darts": method.space} else 0',
        'match method.space:\n    case "mobile" | "darts":\n        pass',
    ],
)
def test_a_decision_by_a_space_s_name_is_seen(source):
    assert list(by_name(source))


@pytest.mark.parametrize(
    "source",
    [
        'if group[0].method == "darts": pass',
        'TITLES = {"darts": "DARTS", "pdarts": "P-DARTS"}',
        'methods.get("darts").with_flags({"space": "nasbench201"})',
        "if one.space == other.space: pass",
        "supernet = SUPERNETS[method.space]",
    ],
)
def test_what_only_names_a_method_or_a_space_is_let_through(source):
    assert not list(by_name(source))
