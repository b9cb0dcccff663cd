"""The plan of the house: directions and costs that hold everywhere.

Every rule takes a house, {module: source}, and returns a line for each breach.
"""

import ast
import collections
import graphlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tfnas
from tfnas import methods, spaces
from tfnas.runs import contents

ROOT = Path(__file__).parents[1]
# Rooms are the folders and files directly in tfnas/. Imports go down the four
# storeys; within COMMANDS they go left, in the other storeys in no circle.
STOREYS = GROUND, SCIENCE, RECORDS, COMMANDS = [
    row.split()
    for row in (
        "errors choice cli devices data",
        "schedule relaxation regularization genotype spaces methods "
        "derivation cost layers networks bilevel",
        "runs report zoo",
        "train search baseline convert export demo predict sweep compare "
        "build benchmark auto",
    )
]
# Flags, lists and argument errors are made of these, so they start at once;
# so do the files of these names in any room.
LIGHT = {"errors", "choice", "schedule", "cli", "genotype"}
LIGHT |= {"spaces", "methods", "derivation", "cost", "zoo"}
LIGHT |= {"sweep", "compare", "build"}
LIGHT_FILES = ("config", "__main__")


def read(folder):
    """The house below a folder; a package's `__init__` has its name."""
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path.read_text(encoding="utf-8")
        for path in sorted((folder / "tfnas").rglob("*.py"))
    }


HOUSE = read(ROOT)


def room(module):
    """A module's room; what is the package's own is above them all."""
    return [*module.split("."), ""][1].removeprefix("__main__")


def storey(module):
    found = [i for i, rooms in enumerate(STOREYS) if room(module) in rooms]
    return found[0] if found else len(STOREYS)


def packages(house):
    return {module.rpartition(".")[0] for module in house} - {""}


def imports(house):
    """Yields (module, module of the house that it imports, name or "").

    Imports inside functions count too. The name is what is taken out of the
    other module.
    """
    for module, source in house.items():
        inside = module not in packages(house)
        package = module.rpartition(".")[0] if inside else module
        for node in ast.walk(ast.parse(source)):
            taken = []
            if isinstance(node, ast.Import):
                taken = [(alias.name, "") for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                relative = "." * node.level + (node.module or "")
                base = importlib.util.resolve_name(relative, package)
                taken = [(base, alias.name) for alias in node.names]
            for base, name in taken:
                if f"{base}.{name}" in house:
                    base, name = f"{base}.{name}", ""
                if base.split(".")[0] == "tfnas":
                    yield module, base, name


# === The rules ===


def crowded(house):
    """At most seven files lie outside the folders."""
    files = [m for m in house if m.count(".") == 1 and m not in packages(house)]
    return [f"tfnas has {len(files) + 1} files"] if len(files) > 6 else []


def unplanned(house):
    """Every room has a storey."""
    planned = {name for rooms in STOREYS for name in rooms}
    rooms = {room(module) for module in house} - {""}
    return [f"{name}: no storey" for name in sorted(rooms - planned)]


def upward(house):
    """Imports go down the storeys."""
    return [
        f"{module} imports {other}"
        for module, other, _ in imports(house)
        if storey(other) > storey(module)
    ]


def circular(house):
    """No cycle is among modules, and none among rooms."""
    modules, rooms = collections.defaultdict(set), collections.defaultdict(set)
    for module, other, _ in imports(house):
        modules[module].add(other)
        if room(module) != room(other):
            rooms[room(module)].add(room(other))
    found = []
    for graph in (modules, rooms):
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            found.append(" < ".join(error.args[1]))
    return found


def worldly(house):
    """Science knows no folder, no flag, no page."""
    return [
        f"{module} imports {other}"
        for module, other, _ in imports(house)
        if room(module) in SCIENCE
        and room(other) in {"cli", "runs", "zoo", "report"}
    ]


def exported(house, command):
    """The names in `__all__` of a command's `__init__`."""
    for node in ast.parse(house.get(f"tfnas.{command}", "")).body:
        names = getattr(node, "targets", [])
        if [ast.unparse(name) for name in names] == ["__all__"]:
            return ast.literal_eval(node.value)
    return []


def trespassing(house):
    """A command knows those before it, by at most five exported names."""
    found = [
        f"tfnas.{command} exports more than five names"
        for command in COMMANDS
        if len(exported(house, command)) > 5
    ]
    for module, other, name in imports(house):
        here, there = room(module), room(other)
        if here == there or not {here, there} <= {*COMMANDS}:
            continue
        if COMMANDS.index(there) > COMMANDS.index(here):
            found.append(f"{module} imports {other}, a later command")
        elif other.count(".") > 1:
            found.append(f"{module} imports {other}, which is not exported")
        else:
            taken = {name} if name else attributes(house[module], there)
            found += [
                f"{module} takes {other}.{each}, which is not exported"
                for each in sorted(taken - {*exported(house, there)})
            ]
    return found


def attributes(source, package):
    """What a module takes of a package that it imports as a whole."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) in (package, f"tfnas.{package}")
    }


def hidden(house):
    """Lazy public names and registries alone import by a string."""
    places = {*packages(house), "tfnas.networks.registered"}
    return [
        f"{module} imports by a string"
        for module, source in house.items()
        if module not in places
        and re.search(r"\b(import_module|__import__)\b", source)
    ]


def alike(house):
    """No file is a command's second form, and no pair differs by `-ing`."""
    names = {module.rpartition(".")[2] for module in house}
    return [
        f"{name}: name it by what it holds"
        for name in sorted(names)
        if name.endswith("_run")
        or {f"{name}ing", f"{name.removesuffix('e')}ing"} & names
    ]


def stale(house):
    """A name in backticks that begins with a room's is there."""
    found = []
    words = {m: re.sub(r"`[^`]*`", "", source) for m, source in house.items()}
    rooms = "|".join({room(module) for module in house} - {""})
    name = re.compile(rf"`(?:tfnas\.)?((?:{rooms})(?:\.\w+)+)")
    files = ("html", "py", "json", "csv", "npz", "png", "txt")
    for module, source in house.items():
        for text in name.findall(source):
            parts, rest = ["tfnas", *text.split(".")], []
            while ".".join(parts) not in house:
                rest = [parts.pop()]
            known = {*re.findall(r"\w+", words[".".join(parts)]), *files}
            if not known.issuperset(rest):
                found.append(f"{module} speaks of {text}")
    return found


RULES = [crowded, unplanned, upward, circular, worldly, trespassing, hidden]
RULES += [alike, stale]


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps(rule):
    assert rule(HOUSE) == []


def test_every_name_of_the_plan_is_a_room():
    planned = {name for rooms in STOREYS for name in rooms}
    assert planned | {*LIGHT} <= {room(module) for module in HOUSE}


# === A breach of each rule is seen ===

SMALL = {
    "tfnas": "",
    "tfnas.errors": "",
    "tfnas.cli": "",
    "tfnas.cli.command": "from tfnas.errors import UserError",
    "tfnas.spaces": "",
    "tfnas.spaces.darts": "import numpy\nfrom . import attention",
    "tfnas.spaces.attention": "from ..errors import UserError",
    "tfnas.bilevel": "",
    "tfnas.bilevel.search": "from tfnas import spaces",
    "tfnas.runs": "",
    "tfnas.runs.folder": "import tfnas.cli.command",
    "tfnas.train": 'from tfnas.train.config import main\n__all__ = ["main"]',
    "tfnas.train.config": "",
    "tfnas.train.run": "from tfnas.train import config",
    "tfnas.search": "",
    "tfnas.search.run": "from tfnas.train import main",
    "tfnas.search.plan": "from tfnas import train\ntrain.main()",
}
UPWARD = [
    "import tfnas.bilevel",
    "import tfnas.bilevel.search",
    "from tfnas import bilevel",
    "from tfnas.bilevel.search import descend",
    "from .. import bilevel",
    "from ..bilevel import train_step",
    "def late():\n    from tfnas.bilevel import train_step",
    "import tfnas",
    "from tfnas import Genotype",
]


def test_a_small_house_keeps_every_rule():
    assert [line for rule in RULES for line in rule(SMALL)] == []


@pytest.mark.parametrize("source", UPWARD)
def test_an_import_that_points_up_is_seen(source):
    assert upward({**SMALL, "tfnas.data.files": source})


def circle(source, *modules):
    """Modules, each of which imports the next, and the last one the first."""
    links = zip(modules, (*modules[1:], modules[0]), strict=True)
    return {module: source.format(other) for module, other in links}


@pytest.mark.parametrize(
    ("rule", "planted", "words"),
    [
        (crowded, {f"tfnas.file_{i}": "" for i in range(6)}, "has 8 files"),
        (unplanned, {"tfnas.utils": ""}, "utils: no storey"),
        (
            circular,
            circle("import {}", "tfnas.spaces.a", "tfnas.spaces.b"),
            "tfnas.spaces.a",
        ),
        (
            circular,
            circle(
                "def late():\n    import {}",
                *(f"tfnas.spaces.{name}" for name in "abcd"),
            ),
            "tfnas.spaces.d",
        ),
        (
            circular,  # of rooms alone
            {
                "tfnas.spaces.a": "import tfnas.methods.b",
                "tfnas.methods.a": "import tfnas.spaces.b",
                "tfnas.spaces.b": "",
                "tfnas.methods.b": "",
            },
            "methods < ",
        ),
        (
            worldly,
            {"tfnas.spaces.a": "from tfnas.cli import command"},
            "imports tfnas.cli.command",
        ),
        (
            trespassing,
            {"tfnas.train.run": "from tfnas.search import main"},
            "a later command",
        ),
        (
            trespassing,
            {"tfnas.search.run": "from tfnas.train import config"},
            "train.config, which is not exported",
        ),
        (
            trespassing,
            {"tfnas.search.run": "from tfnas import train\ntrain.Recipe()"},
            "train.Recipe, which is not exported",
        ),
        (
            trespassing,
            {"tfnas.search.run": "from tfnas.train import Recipe"},
            "train.Recipe, which is not exported",
        ),
        (
            trespassing,
            {"tfnas.train": f"__all__ = {[*'abcdef']}"},
            "more than five names",
        ),
        (
            hidden,
            {"tfnas.spaces.a": 'importlib.import_module("tfnas.runs")'},
            "tfnas.spaces.a imports by a string",
        ),
        (alike, {"tfnas.search.search_run": ""}, "search_run: name it"),
        (stale, {"tfnas.x": '"""See `spaces.old.f`."""'}, "spaces.old.f"),
        (stale, {"tfnas.x": '"""See `tfnas.cli.f`."""'}, "speaks of cli.f"),
        (alike, {"tfnas.search.spacing": "", "tfnas.x.space": ""}, "space: "),
    ],
)
def test_a_breach_is_seen(rule, planted, words):
    assert any(words in line for line in rule({**SMALL, **planted}))


# === A run's files ===

RUN_FILES = {
    value
    for value in vars(contents).values()
    if isinstance(value, str) and Path(value).suffix
}


def naming(house):
    """Only runs/ writes down the names of a run's files.

    Docstrings and help texts are longer, and may tell of them.
    """
    return [
        f"{module} names {node.value}"
        for module, source in house.items()
        if room(module) != "runs"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.rpartition("/")[2] in RUN_FILES
    ]


def test_only_runs_knows_the_names_of_a_run_s_files():
    assert {"config.json", "alphas.npz", "best.safetensors"} <= RUN_FILES
    assert not naming(HOUSE)


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
    assert naming({"tfnas.report.page": source})
    assert not naming({"tfnas.runs.contents": source})
    assert not naming({"tfnas.report": '"""Writes summary.json."""'})


# === What starts without TensorFlow ===


def blamed(*statements):
    """{module: what it imports} of those that import TensorFlow or Keras.

    All statements run in one new Python.
    """
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "light_imports.py", *statements],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    return json.loads(done.stdout)


def test_light_modules_start_without_tensorflow():
    light = [
        f"import {module}"
        for module in HOUSE
        if room(module) in LIGHT or module.rpartition(".")[2] in LIGHT_FILES
    ]
    public = ["Genotype", "list_models()", "load", "drawing"]
    public += ["build_network", "run_search", "run_training", "auto_search"]
    asked = [f"import tfnas; tfnas.{name}" for name in public]
    assert len(light) > 50
    assert blamed("import tfnas; dir(tfnas)", *asked, *light) == {}


def test_who_imports_tensorflow_is_blamed():
    found = blamed(
        "import tfnas",
        "import tfnas.devices.threads",
        "import tfnas.export.graph",
        "import tfnas.spaces.darts",
    )
    assert found == {
        "tfnas.devices.threads": "tensorflow",
        "tfnas.export.graph": "keras",
    }


# === Public names ===


@pytest.mark.parametrize("name", [name for rooms in STOREYS for name in rooms])
def test_modules_resolve_after_a_plain_import(name):
    assert getattr(tfnas, name).__name__ == f"tfnas.{name}"


@pytest.mark.parametrize(
    "name",
    ["BilevelSearch", "Genotype", "Supernet", "build_network"]
    + ["export_network", "list_models", "load", "run_search", "run_training"]
    + ["auto_search"],
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
    for path in (ROOT / "tfnas").rglob("*.py"):
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
