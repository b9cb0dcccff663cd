"""What the README says is typed, parsed and run."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tfnas import baseline, compare, methods, predict, train, zoo
from tfnas.baseline import TITLES
from tfnas.build import BuildConfig
from tfnas.build.results import benchmarked, markdown, trained
from tfnas.choice import fields
from tfnas.cli import command
from tfnas.compare.lookup import COLUMNS
from tfnas.convert import ConvertConfig
from tfnas.demo import DemoConfig
from tfnas.devices.cluster import from_environment
from tfnas.export import ExportConfig
from tfnas.genotype import Genotype
from tfnas.methods.method import Method
from tfnas.search import SearchConfig, resolve
from tfnas.spaces import nasbench201
from tfnas.sweep import config as sweep
from tfnas.train.recipe import Recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"python -m tfnas\.search (--[^\n`]*)", README)
TRAINED = [
    words
    for words in re.findall(r"python -m tfnas\.train (--[^\n`]*)", README)
    if "--help" not in words
]
BASELINES = re.findall(r"python -m tfnas\.baseline (--[^\n`]*)", README)
# The others are folders.
LOADED = re.findall(r'tfnas\.load\("([^"/]*)"\)', README)
BUILDS = re.findall(r"python -m tfnas\.build (--[^\n`]*)", README)
COMPARISONS = re.findall(r"python -m tfnas\.compare (--[^\n`]*)", README)
SWEEPS = re.findall(r"python -m tfnas\.sweep (--[^\n`]*)", README)
CONVERSIONS = re.findall(r"python -m tfnas\.convert (--[^\n`]*)", README)
EXPORTS = re.findall(r"python -m tfnas\.export (--[^\n`]*)", README)
DEMOS = re.findall(r"python -m tfnas\.demo (--[^\n`]*)", README)
PREDICTIONS = re.findall(r"python -m tfnas\.predict (--[^\n`]*)", README)
# Flags in a table, of a method or of a search, apart from a whole command.
FLAGS = re.findall(r"`(--[a-z_]+=[^`]*|--[a-z_]+)`", README)
SWEEP_ALONE = {f"--{f.name}" for f in fields(sweep.SweepConfig)}
SWEEP_ALONE -= {f"--{f.name}" for f in fields(SearchConfig)}
COMPARE_ALONE = {f"--{f.name}" for f in fields(compare.CompareConfig)}
COMPARE_ALONE -= SWEEP_ALONE | {f"--{f.name}" for f in fields(SearchConfig)}
# These stand for something else, or end in a help text.
OTHERS = ("=NAME", "=DIR", "--help")
TYPED = [
    words
    for words in (*COMMANDS, *FLAGS)
    if not any(other in words for other in OTHERS)
]


def test_the_readme_s_commands_are_found():
    assert {"--method=pdarts --attention=after_every", "--resume"} <= {*TYPED}


@pytest.mark.parametrize("words", TYPED)
def test_flags_are_known_and_fit_together(words):
    given = shlex.split(words)
    if given == [given[0]] and "=" not in given[0]:
        known = {f"--{f.name}" for f in fields(SearchConfig)}
        known |= {f"--{f.name}" for f in fields(Method)}
        known |= {f"--{f.name}" for f in fields(train.TrainConfig)}
        known |= {f"--{f.name}" for f in fields(BuildConfig)}
        known |= {f"--{f.name}" for f in fields(sweep.SweepConfig)}
        known |= {f"--{f.name}" for f in fields(compare.CompareConfig)}
        known |= {f"--{f.name}" for f in fields(ExportConfig)}
        known |= {f"--{f.name}" for f in fields(predict.PredictConfig)}
        known |= {f"--{f.name}" for f in fields(baseline.BaselineConfig)}
        assert given[0] in known
    elif given[0].startswith("--quantize"):
        command.parse(["export", *given], ExportConfig)
    elif given[0].startswith("--sheet"):
        command.parse(["predict", *given], predict.PredictConfig)
    elif given[0].split("=")[0] in SWEEP_ALONE:
        command.parse(["sweep", *given], sweep.SweepConfig)
    elif given[0].split("=")[0] in COMPARE_ALONE:
        command.parse(["compare", *given], compare.CompareConfig)
    else:
        resolve(command.parse(["search", *given], SearchConfig, Method))


@pytest.mark.parametrize("words", TRAINED)
def test_a_training_command_is_one(words, tmp_path, monkeypatch):
    found = ROOT / "zoo" / "genotypes" / "darts_digits.json"
    for folder in ("darts", "two_devices", "bench"):
        (tmp_path / "runs" / folder).mkdir(parents=True)
        shutil.copy(found, tmp_path / "runs" / folder / "genotype.json")
    drawn = dict.fromkeys(nasbench201.SPACE.choices(), "skip_connect")
    bench = nasbench201.SPACE.genotype(drawn).to_json()
    (tmp_path / "runs" / "bench" / "genotype.json").write_text(bench)
    monkeypatch.chdir(tmp_path)
    given = shlex.split(words)
    train.resolve(command.parse(["train", *given], train.TrainConfig, Recipe))


@pytest.mark.parametrize("words", PREDICTIONS)
def test_a_prediction_is_one(words):
    from tfnas.predict.config import split

    flags, paths = split(["predict", *shlex.split(words)])
    assert command.parse(flags, predict.PredictConfig)
    assert paths


@pytest.mark.parametrize("words", BASELINES)
def test_a_baseline_is_one(words):
    configs = (baseline.BaselineConfig, Recipe)
    given = command.parse(["baseline", *shlex.split(words)], *configs)
    assert baseline.resolve(given)[0].name in TITLES


def test_the_cluster_is_one():
    text = re.search(r"export TF_CONFIG='(.*)'\n", README)[1]
    assert len(from_environment({"TF_CONFIG": text}).workers) == 2


def test_training_commands_are_found():
    assert len(TRAINED) >= 4


@pytest.mark.parametrize("words", COMPARISONS)
def test_a_comparison_is_one(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    head = ",".join(COLUMNS)  # the rows are read when all runs have finished
    Path("nasbench201.csv").write_text(f"{head}\n")
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            Path("cifar", part, name).mkdir(parents=True)
            Path("cifar", part, name, "1.png").touch()
    configs = (SearchConfig, Method, compare.CompareConfig)
    given = command.parse(["compare", *shlex.split(words)], *configs)
    config, tasks = compare.resolve(given)
    runs = len(config.methods) * len(config.seeds)
    assert config.gather or len(tasks) == runs >= 9


@pytest.mark.parametrize("words", SWEEPS)
def test_a_sweep_is_one(words):
    configs = (SearchConfig, Method, sweep.SweepConfig)
    given = command.parse(["sweep", *shlex.split(words)], *configs)
    assert len(sweep.resolve(given)[1]) == 6


def test_files_that_jobs_are_submitted_from_are_there():
    found = re.findall(r"launch/[a-z]+/\S+\.(?:sbatch|yaml)", README)
    assert len(found) >= 3
    assert all((ROOT / name).is_file() for name in found)


@pytest.mark.parametrize("words", CONVERSIONS)
def test_conversions_are_complete(words):
    given = command.parse(["convert", *shlex.split(words)], ConvertConfig)
    assert {"genotype", "checkpoint", "out"} <= given.keys()


@pytest.mark.parametrize("words", BUILDS)
def test_a_build_is_of_an_entry_that_is_there(words):
    given = command.parse(["build", *shlex.split(words)], BuildConfig)
    if "model" in given:
        assert given["model"] in LOADED


@pytest.mark.parametrize("words", [*EXPORTS, *DEMOS])
def test_what_is_exported_or_shown_can_be(words):
    config = ExportConfig if words in EXPORTS else DemoConfig
    given = command.parse(["x", *shlex.split(words)], config)
    assert ("model" in given) != ("run" in given)
    if "model" in given:
        assert given["model"] in LOADED


@pytest.mark.parametrize("name", LOADED)
def test_a_network_that_is_loaded_is_in_the_zoo(name):
    assert name in zoo.list_models(weights=True)


def test_the_zoo_s_tables_are_those_of_the_index():
    tables = re.search(r"<!-- zoo -->\n(.*?)\n<!-- -->", README, re.DOTALL)[1]
    assert tables == markdown(zoo.entries()), "see tfnas.build --table"


def test_the_first_table_is_that_of_the_benchmark():
    table = re.search(r"<!-- bench -->\n(.*?)\n<!-- -->", README, re.DOTALL)[1]
    assert table == benchmarked("nasbench201_v2"), "see tfnas.build --table"


def test_the_survey_s_tables_are_those_of_the_comparison():
    table = re.search(r"<!-- survey -->\n(.*?)\n<!-- -->", README, re.DOTALL)[1]
    assert table == trained("cifar10_16px"), "see tfnas.build --table"


def test_every_method_has_its_row():
    for name in methods.names():
        assert f"`--method={name}`" in README


def test_the_picture_is_of_the_genotype_beside_it():
    picture = re.search(r"!\[[^]]*\]\((zoo/genotypes/[^)]*)\.png\)", README)[1]
    assert (ROOT / f"{picture}.png").is_file()
    genotype = Genotype.from_json(ROOT / f"{picture}.json")
    counts = genotype.operation_counts()["normal"]
    convolutions = sum(n for op, n in counts.items() if "conv" in op)
    pools = sum(n for op, n in counts.items() if "pool" in op)
    assert f"{convolutions} convolutions and {pools} pools" in README


def test_the_examples_run(tmp_path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    found = ROOT / "zoo" / "genotypes" / "darts_digits.json"
    code = code.replace("runs/darts/genotype.json", str(found))
    code = code.replace("cells.svg", str(tmp_path / "cells.svg"))
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(model.output_shape)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cells.svg").read_text().startswith("<svg")
    said = done.stdout.splitlines()
    assert "(14, 8)" in said
    assert said[-1] == "(None, 10)"
