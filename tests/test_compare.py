"""Comparisons: what is run, what is read, and what the tables say."""

import csv
import itertools
import json
import math
import os
import re
import statistics
import subprocess
import sys
import types
from pathlib import Path

import compared
import numpy as np
import pytest
from compared import cell
from scipy import stats

from tfnas import build, compare, zoo
from tfnas.cli import command
from tfnas.cli.interruption import EXIT_CODE, Interrupted
from tfnas.compare import (
    bench,
    cells,
    decisions,
    gain,
    lookup,
    measuring,
    numbers,
    paper,
    plots,
    records,
    selections,
    survey,
)
from tfnas.compare.numbers import NOT_MEASURED
from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.runs import contents
from tfnas.runs.reading import read_run
from tfnas.search import config as search
from tfnas.sweep import engines

ROOT = Path(__file__).parents[1]
SKIPS = cell(*["skip_connect"] * 6)
CONVOLUTIONS = cell(*["nor_conv_3x3"] * 6)
NOTHING = cell(*["none"] * 6)


def given(*flags):
    return command.parse(
        ["compare", *flags],
        search.SearchConfig,
        search.Method,
        compare.CompareConfig,
    )


def plan(*flags):
    return compare.resolve(given(*flags))[1]


def gathered(out, *flags):
    """Compares what is in a folder; returns (Markdown, rows of the CSV)."""
    compare.main(["compare", "--gather", f"--out={out}", *flags])
    with open(out / "comparison.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return (out / "comparison.md").read_text(), rows


def row_of(table, first):
    (row,) = [row for row in table.rows if row[0] == first]
    return dict(zip(table.head, row, strict=True))


@pytest.fixture
def table(tmp_path):
    """A benchmark of three cells."""
    path = tmp_path / "bench.csv"
    lines = [",".join(lookup.COLUMNS)]
    for genotype, values in (
        (SKIPS, "54.3,15.61,16.32"),
        (CONVOLUTIONS, "93.1,70.5,42.0"),
        (NOTHING, "10,1,0.83"),
    ):
        lines.append(f"{lookup.to_string(genotype)},{values}")
    path.write_text("\n".join(lines) + "\n")
    return path


# === What is run ===


def test_every_method_and_baseline_has_a_run_for_each_seed():
    found = plan("--methods=darts,random", "--seeds=3,4", "--out=here")
    assert [(task.kind, task.folder) for task in found] == [
        ("search", "here/darts_digits_seed3"),
        ("baseline", "here/random_digits_seed3"),
        ("search", "here/darts_digits_seed4"),
        ("baseline", "here/random_digits_seed4"),
    ]
    assert found[3].search == {"name": "random", "dataset": "digits", "seed": 4}


def test_flags_reach_those_that_have_them():
    search_, random_ = plan(
        "--methods=darts,random",
        "--seeds=0",
        "--space=nasbench201",
        "--train_images=99",
        "--preset=paper",
        "--inner_steps=2",
        "--baseline=--trials=7 --epochs=2",
    )
    assert search_.search["inner_steps"] == 2
    assert search_.search["space"] == random_.search["space"] == "nasbench201"
    assert search_.search["preset"] == "paper"
    assert "preset" not in random_.search
    assert random_.search["train_images"] == 99
    assert (random_.search["trials"], random_.search["epochs"]) == (7, 2)


def test_a_method_comes_with_values_of_its_own():
    plain, own = plan(
        "--methods=pdarts,pdarts+skip_dropout=0:0.2:0.5+epochs=9",
        "--seeds=1",
        "--epochs=7",
    )
    assert plain.search["epochs"] == 7
    assert own.search["epochs"] == 9
    assert own.search["skip_dropout"] == (0.0, 0.2, 0.5)
    assert plain.folder != own.folder


def test_cells_are_trained_elsewhere_and_deeper_too(tmp_path):
    (task,) = plan(
        "--methods=darts",
        "--seeds=0",
        "--train=--epochs=3",
        "--transfer=fashion_mnist,cifar100+epochs=9+cells=6",
        "--depths=8,20",
        f"--out={tmp_path}",
        "--dataset=digits",
    )
    compared.found(tmp_path)
    trainings = {folder[-13:]: flags for _, folder, flags in task.runs()}
    assert trainings["fashion_mnist"]["dataset"] == "fashion_mnist"
    assert trainings["ained_8_cells"]["cells"] == 8
    cifar100 = trainings.pop("ined_cifar100")
    assert (cifar100["epochs"], cifar100["cells"]) == (9, 6)
    assert all(flags["epochs"] == 3 for flags in [*trainings.values()][1:])
    assert not task.finished()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--methods=evoluton"], "evoluton: no such method; did you mean evol"),
        (["--methods=pdart"], "--methods=pdart: no such method; did you mean"),
        (["--method=darts"], "--method: a comparison sets it; use --methods"),
        (["--seed=1"], "--seed: a comparison sets it; use --seeds"),
        (["--methods=darts+epoch=3"], "--epoch: no such flag; did you mean"),
        (["--methods=darts+epochs=x"], "--epochs=x: give a whole number"),
        (["--baseline=--trial=3"], "--trial: no such flag; did you mean --tri"),
        (["--baseline=--seed=3"], "--baseline=--seed: the comparison sets it"),
        (["--depths=8"], "--depths: is for trainings; add --train"),
        (["--transfer=cifar100"], "--transfer: is for trainings; add"),
        (
            ["--train=", "--transfer=digits+epoch=3"],
            "--epoch: no such flag; did you mean --epochs",
        ),
        (["--train=", "--transfer=digits+seed=3"], "--transfer=--seed: "),
        (["--depths=2", "--train=--epochs=3"], "--depths=2: use 3 or more"),
        (["--nasbench201_table=no.csv"], "no.csv: no such file; give the CSV"),
        (["--dataset=image_folder"], "set --data_dir"),
        (["--seeds=-1"], "--seeds=-1: use 0 or more"),
    ],
)
def test_a_mistake_is_one_line_before_anything_runs(flags, message, tmp_path):
    with pytest.raises(UserError) as error:
        plan(f"--out={tmp_path}/runs", *flags)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("flags", [["--help"], ["--methods=evoluton"]])
def test_help_and_mistakes_need_no_heavy_library(flags):
    code = (
        "import sys\nfrom tfnas.compare import main\n"
        "from tfnas.errors import UserError\n"
        "try:\n    main(['compare', *sys.argv[1:]])\n"
        "except UserError:\n    pass\n"
        "print([m for m in ('tensorflow', 'keras', 'numpy', 'scipy', "
        "'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *flags],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


class Started:
    """A stand-in for the commands: leaves what a run of theirs leaves."""

    def __init__(self, monkeypatch):
        self.names, self.flags, self.codes = [], [], {}
        monkeypatch.setattr(
            engines.Relay, "start", lambda _, words, **kw: self.start(words)
        )

    def start(self, words):
        flags = dict(f[2:].split("=", 1) for f in words[3:])
        folder = Path(flags["out"])
        self.names.append(folder.name)
        self.flags.append(flags)
        code = self.codes.get(folder.name, 0)
        if folder.exists():
            (folder / "report.html").touch()
        elif "name" in flags:
            compared.baseline(folder.parent, flags["name"], int(flags["seed"]))
        else:
            compared.found(folder.parent, flags["method"], int(flags["seed"]))
        if code:
            (folder / "report.html").unlink()
        return code


def test_what_is_finished_stays_and_what_was_stopped_goes_on(
    monkeypatch, tmp_path, capsys
):
    started = Started(monkeypatch)
    flags = ["--methods=darts,random", "--seeds=3", f"--out={tmp_path}"]
    started.codes["random_digits_seed3"] = EXIT_CODE
    with pytest.raises(Interrupted, match="repeat the command to"):
        compare.main(["compare", *flags])
    assert started.names == ["darts_digits_seed3", "random_digits_seed3"]
    assert "Not finished: random_digits_seed3" in capsys.readouterr().out
    started.names.clear()
    started.codes.clear()
    # What the stand-in leaves has none of a run's other values to compare.
    monkeypatch.setattr("tfnas.sweep.tasks._check", lambda *args: None)
    compare.main(["compare", *flags])
    assert started.names == ["random_digits_seed3"]
    assert started.flags[-1]["resume"] == "true"
    assert (tmp_path / "comparison.html").exists()
    started.names.clear()
    compare.main(["compare", *flags])
    assert not started.names


def test_a_finished_baseline_of_other_values_is_not_taken_for_it(
    monkeypatch, tmp_path, capsys
):
    Started(monkeypatch)
    compared.baseline(tmp_path)
    path = tmp_path / "random_digits_seed0" / "config.json"
    config = json.loads(path.read_text())
    config["config"]["trials"] = 3
    path.write_text(json.dumps(config))
    flags = ["--methods=random", "--seeds=0", f"--out={tmp_path}"]
    with pytest.raises(UserError, match="1 of 1 failed"):
        compare.main(["compare", *flags, "--baseline=--trials=4"])
    assert "config.trials was 3, now 4" in capsys.readouterr().err


# === What is read ===


def test_a_folder_is_read_whole_or_for_some_methods_and_seeds(tmp_path):
    compared.found(tmp_path, "darts", 0)
    compared.found(tmp_path, "darts", 1)
    compared.found(
        tmp_path, "darts", 1, name="darts+epochs=9_digits_seed1", epochs=9
    )
    compared.baseline(tmp_path, "random", 1)
    compared.found(tmp_path, "pdarts", 0, finished=False)
    found, unfinished = records.read(tmp_path)
    assert [(f.label, f.seed) for f in found] == [
        ("darts+epochs=9", 1),
        ("darts", 0),
        ("darts", 1),
        ("random", 1),
    ]
    assert unfinished == ["pdarts_digits_seed0"]
    found, unfinished = records.read(
        tmp_path, labels=("random", "darts"), seeds=(1,)
    )
    assert [f.label for f in found] == ["random", "darts"]
    assert not unfinished


def test_nothing_finished_is_one_line(tmp_path):
    compared.found(tmp_path, finished=False)
    with pytest.raises(UserError, match="no finished search there"):
        gathered(tmp_path)


def test_two_data_sets_are_not_one_comparison(tmp_path):
    compared.found(tmp_path)
    compared.found(tmp_path, dataset="cifar10")
    with pytest.raises(UserError, match="--dataset=cifar10"):
        gathered(tmp_path)
    _, rows = gathered(tmp_path, "--dataset=digits")
    assert [row["dataset"] for row in rows] == ["digits"]


@pytest.mark.parametrize("name", ["summary.json", "genotype.json"])
def test_a_damaged_run_is_named(name, tmp_path):
    folder = compared.found(tmp_path)
    (folder / name).write_text("{}")
    with pytest.raises(UserError) as error:
        gathered(tmp_path)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_every_run_has_a_row(tmp_path):
    compared.trained(compared.found(tmp_path, seed=3), 6.25, latency=7.5)
    shares = {"whole": 0.75, "pruned": 0.25, "tuned": 0.5, "chance": 0.1}
    compared.found(tmp_path, seed=4, pruning=shares)
    markdown, (one, two) = gathered(tmp_path)
    assert one["name"] == "darts_digits_seed3"
    assert (one["test_error_percent"], one["latency_ms"]) == ("6.25", "7.50")
    assert (one["parameters"], one["cells"]) == ("6000", "6")
    assert (two["parameters"], two["cells"]) == ("3433798", "20")
    for name, share in shares.items():
        assert two[f"{name}_percent"] == f"{100 * share:.2f}"
    assert two["test_error_percent"] == ""
    # The published P-DARTS cell has two skips among eight operations.
    assert one["skip_share"] == "0.250"
    assert "25.0" in markdown


# === Numbers, against other implementations ===

RNG = np.random.default_rng(5)
SAMPLES = [
    (RNG.normal(1, 2, n), RNG.normal(0, 1, m)) for n, m in [(2, 3), (5, 4)]
]


@pytest.mark.parametrize(("ours", "theirs"), SAMPLES)
def test_welch_is_scipy_s_and_the_textbook_s(ours, theirs):
    p = numbers.welch(ours, theirs)
    assert p == pytest.approx(
        stats.ttest_ind(ours, theirs, equal_var=False).pvalue
    )
    parts = [statistics.variance(s) / len(s) for s in (ours, theirs)]
    t = (statistics.mean(ours) - statistics.mean(theirs)) / math.sqrt(
        sum(parts)
    )
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(s) - 1)
        for part, s in zip(parts, (ours, theirs), strict=True)
    )
    assert p == pytest.approx(2 * stats.t.sf(abs(t), freedom))


def test_welch_needs_two_seeds_and_a_spread():
    assert numbers.welch([1.0], [1.0, 2.0]) is None
    assert numbers.welch([1.0, 1.0], [2.0, 2.0]) is None
    assert numbers.welch([1.0, 1.0], [2.0, 3.0]) is not None


def test_spreads_are_samples():
    values = [1.5, 2.25, 4.0]
    mean, deviation, count = numbers.spread(values)
    assert mean == pytest.approx(statistics.mean(values))
    assert deviation == pytest.approx(statistics.stdev(values))
    assert count == 3
    assert numbers.written([2.0]) == "2.00 (n=1)"
    assert numbers.written([None]) == NOT_MEASURED
    low, high = stats.t.interval(0.95, 2, mean, deviation / 3**0.5)
    text = f"{mean:.2f} ({low:.2f} to {high:.2f}, n=3)"
    assert numbers.written(values, ends=True) == text
    assert numbers.written([2.0], ends=True) == "2.00 (n=1)"
    assert numbers.written([2.0, 2.0], ends=True) == "2.00 ± 0.00 (n=2)"


def test_skip_shares():
    assert cells.skip_share(zoo.genotype("PDARTS")) == 2 / 8
    assert cells.skip_share(SKIPS) == 1
    assert cells.skip_share(CONVOLUTIONS) == 0


def test_the_front_is_what_nothing_beats():
    points = [tuple(p) for p in RNG.integers(0, 12, (30, 2)).tolist()]

    def beaten(p):
        return any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points)

    assert plots.front(points) == sorted({p for p in points if not beaten(p)})


# === The survey's tables ===


@pytest.mark.parametrize("name", [paper.CIFAR10, paper.CIFAR100])
def test_the_papers_errors_are_those_of_the_zoo(name):
    for result in paper.RESULTS[name]:
        if result.error is None:
            continue
        said = str(zoo.entry(result.entry).paper[f"{name}_error_percent"])
        assert result.error.replace(" ± ", "+-") in said


def test_the_papers_errors_on_imagenet_are_those_of_the_zoo():
    for result in paper.RESULTS[paper.IMAGENET]:
        if result.entry is not None:
            key = "imagenet_top1_top5_error_percent"
            top1, _ = zoo.entry(result.entry).paper[key]
            assert float(result.error) == top1


def test_paper_and_measured_stand_side_by_side(tmp_path):
    errors = [2.5, 4.0, 3.25]
    for seed, error in enumerate(errors):
        folder = compared.found(tmp_path, "pdarts", seed, hours=seed + 1)
        compared.trained(folder, error)
    compared.baseline(tmp_path)
    first, second, third = survey.tables(records.read(tmp_path)[0])
    row = row_of(first, "pdarts")
    assert row["error %, paper"] == "2.50"
    mean, deviation = statistics.mean(errors), statistics.stdev(errors)
    assert (
        row["error %, measured here"] == f"{mean:.2f} ± {deviation:.2f} (n=3)"
    )
    assert row["parameters, paper"] == "3.43 M"
    assert row["multiply-adds, paper"] == "532 M"
    assert row["search GPU hours, paper"] == "7.2"  # 0.3 days
    assert row["search hours, measured here"] == "2.00 ± 1.00 (n=3)"
    assert row_of(first, "darts")["error %, measured here"] == NOT_MEASURED
    assert row_of(first, "random")["error %, paper"] == numbers.NONE
    assert row_of(first, "random")["parameters, measured here"] == "3.43 M"
    assert row_of(second, "pdarts")["error %, measured here"] == NOT_MEASURED
    assert row_of(third, "pdarts")["error %, measured here"] == NOT_MEASURED


def test_transfers_are_in_the_third_table(tmp_path):
    folder = compared.found(tmp_path)
    compared.trained(folder, 2.0)
    compared.trained(folder, 8.5, name="8_cells", cells=8)
    compared.trained(
        folder, 30.0, name="cifar100", dataset="cifar100", cells=20
    )
    first, second, third = survey.tables(records.read(tmp_path)[0])
    measured = "error %, measured here"
    assert row_of(first, "darts")[measured] == "2.00 (n=1)"
    for table in (second, third):
        assert row_of(table, "darts")[measured] == "30.00 (n=1)"
    assert "cifar100 here" in third.caption


def test_a_method_with_values_of_its_own_has_its_paper_beside_it(tmp_path):
    name = "pdarts+epochs=9_digits_seed0"
    compared.trained(compared.found(tmp_path, "pdarts", name=name), 2.0)
    first, *_ = survey.tables(records.read(tmp_path)[0])
    row = row_of(first, "pdarts+epochs=9")
    assert row["error %, paper"] == "2.50"
    assert row["error %, measured here"] == "2.00 (n=1)"
    assert "pdarts" not in [row[0] for row in first.rows]


# === Luck or search ===


def test_the_gain_over_random_comes_with_a_test(tmp_path):
    ours, theirs = [2.0, 3.0, 2.5], [4.0, 6.0]
    for seed, error in enumerate(ours):
        compared.trained(compared.found(tmp_path, seed=seed), error)
    for seed, error in enumerate(theirs):
        compared.trained(compared.baseline(tmp_path, seed=seed), error)
    (row,) = gain.table(records.read(tmp_path)[0], {}).rows
    test = stats.ttest_ind(theirs, ours, equal_var=False)
    low, high = test.confidence_interval(0.95)
    assert row[1] == "darts"
    assert row[4] == f"+2.50 ({low:+.2f} to {high:+.2f})"
    assert row[5] == f"{test.pvalue:.2g} (n=3, 2)"


def test_one_seed_has_no_test(tmp_path):
    compared.trained(compared.found(tmp_path), 2.0)
    compared.trained(compared.baseline(tmp_path), 4.0)
    (row,) = gain.table(records.read(tmp_path)[0], {}).rows
    assert row[4:6] == ("+2.00", NOT_MEASURED)


def test_without_random_there_is_no_gain(tmp_path):
    compared.trained(compared.found(tmp_path), 2.0)
    (row,) = gain.table(records.read(tmp_path)[0], {}).rows
    assert row[4:6] == (NOT_MEASURED, NOT_MEASURED)


# === NAS-Bench-201 ===


def test_what_was_found_is_looked_up(tmp_path, table):
    out = tmp_path / "runs"
    compared.found(out, seed=0, genotype=SKIPS, space="nasbench201")
    compared.found(out, seed=1, genotype=CONVOLUTIONS, space="nasbench201")
    compared.baseline(out, genotype=NOTHING)
    markdown, rows = gathered(out, f"--nasbench201_table={table}")
    assert [row["rank"] for row in rows] == ["2", "1", "3"]
    assert [row["gap"] for row in rows] == ["38.80", "0.00", "83.10"]
    assert rows[0]["arch"] == lookup.to_string(SKIPS)
    assert rows[1]["imagenet16_120"] == "42.0"
    assert "54.30" in markdown  # DARTS in the papers, and the skips here
    assert r"\|skip\_" not in markdown
    assert r"\|skip_connect~0\|" in markdown


def test_equal_cells_share_a_rank():
    rows = {"a": (3.0,) * 3, "b": (5.0,) * 3, "c": (5.0,) * 3, "d": (1.0,) * 3}
    benchmark = lookup.Benchmark(rows)
    for arch, values in rows.items():
        benchmark.rows = {lookup.to_string(SKIPS): values}
        benchmark.rows |= dict(itertools.islice(rows.items(), 3))
        rank = 1 + sum(v[0] > values[0] for v in rows.values())
        assert benchmark.place(SKIPS).rank == rank, arch


def test_the_table_is_read_once_and_when_everything_is_finished(
    monkeypatch, tmp_path, table
):
    read, times = lookup.read, []
    monkeypatch.setattr(
        lookup, "read", lambda path: times.append(path) or read(path)
    )
    out = tmp_path / "runs"
    for seed in (0, 1):
        compared.found(out, seed=seed, genotype=SKIPS, space="nasbench201")
    last = compared.found(
        out, seed=2, genotype=SKIPS, space="nasbench201", finished=False
    )
    flag = f"--nasbench201_table={table}"
    markdown, _ = gathered(out, flag)
    assert not times
    assert "Not finished: darts_digits_seed2" in markdown
    gathered(out, flag, "--seeds=0,1")
    (last / "report.html").touch()
    gathered(out, flag)
    assert len(times) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arch,cifar10,cifar100\n", "column imagenet16_120 is missing"),
        ("", "column arch is missing; it needs arch, cifar10"),
        ("arch,cifar10,cifar100,imagenet16_120\n", "has no rows"),
        ("HEAD\na,1,2\n", "line 2: needs a cell and three accuracies"),
        ("HEAD\na,1,2,x\n", "line 2: needs a cell and three accuracies"),
        ("HEAD\na,1,2,nan\n", "line 2: accuracies are 0 to 100"),
        ("HEAD\na,1,2,101\n", "line 2: accuracies are 0 to 100"),
        ("HEAD\na,1,2,3\na,1,2,3\n", "line 3: a is listed twice"),
        ("HEAD\na,1,2,3\n", "has no row |skip_connect~0|"),
        ("\0\xff", "column arch is missing"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(text, message, tmp_path):
    path = tmp_path / "bench.csv"
    path.write_text(text.replace("HEAD", ",".join(lookup.COLUMNS)))
    out = tmp_path / "runs"
    compared.found(out, genotype=SKIPS, space="nasbench201")
    with pytest.raises(UserError) as error:
        gathered(out, f"--nasbench201_table={path}")
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_the_official_files_are_asked_for_their_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nats_bench", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    path = tmp_path / "NATS-tss-v1_0-3ffb9-simple"
    path.mkdir()
    with pytest.raises(UserError, match="pip install nats_bench"):
        lookup.check(path)


def test_the_official_files_are_read_through_their_package(
    tmp_path, monkeypatch
):
    class Api:
        archs = (lookup.to_string(SKIPS), lookup.to_string(CONVOLUTIONS))

        def __len__(self):
            return 2

        def arch(self, number):
            return self.archs[number]

        def get_more_info(self, number, dataset, hp, is_random):
            assert (hp, is_random) == ("200", False)
            known = {"cifar10": 54.3, "cifar100": 15.6, "ImageNet16-120": 16.3}
            return {"test-accuracy": known[dataset] + number}

    def create(path, space, fast_mode, verbose):
        assert (space, fast_mode) == ("tss", True)
        return Api()

    package = types.ModuleType("nats_bench")
    package.create = create
    package.__spec__ = types.SimpleNamespace(name="nats_bench")
    monkeypatch.setitem(sys.modules, "nats_bench", package)
    place = lookup.read(tmp_path).place(SKIPS)
    assert (place.rank, place.of, place.gap) == (2, 2, 1.0)
    assert place.accuracies["imagenet16_120"] == 16.3


def test_known_cells_of_the_real_table():
    path = os.environ.get(
        "TFNAS_NASBENCH201_TABLE",
        ROOT.parent / "shared" / "data" / "nasbench201.csv",
    )
    if not Path(path).is_file():
        pytest.skip(f"{path}: the benchmark's accuracies are not there")
    benchmark = lookup.read(path)
    best = (
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+"
        "|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
    )
    place = benchmark.place(compared.from_string(best))
    assert (place.rank, place.of, place.gap) == (1, 15625, 0)
    assert place.accuracies["cifar10"] == pytest.approx(94.3733, abs=1e-3)
    assert benchmark.place(SKIPS).accuracies == pytest.approx(
        {"cifar10": 54.30, "cifar100": 15.61, "imagenet16_120": 16.32},
        abs=0.005,
    )
    middle = statistics.median(v[0] for v in benchmark.rows.values())
    assert middle == pytest.approx(90.75, abs=0.005)


def test_without_a_table_nothing_is_looked_up():
    (table,) = bench.tables([], {}, "Give it.")
    assert table.rows == [(NOT_MEASURED,)]


# === Alphas at a search's end ===


def test_operations_kept_fall_with_the_threshold(tmp_path):
    alphas = np.random.default_rng(0).normal(0, 2, (14, 7))
    compared.found(tmp_path, "fair_darts", alphas=alphas)
    (one,) = records.read(tmp_path)[0]
    strengths = (1 / (1 + np.exp(-alphas))).max(axis=1)
    nodes = np.split(strengths, [2, 5, 9])
    for threshold, count in decisions.kept_by_threshold(one).items():
        # Two edges of each node, the strongest operation of each.
        kept = sum(int((np.sort(n)[-2:] >= threshold).sum()) for n in nodes)
        assert count == kept


def test_leads_are_those_of_the_two_strongest(tmp_path):
    alphas = np.random.default_rng(1).normal(0, 1, (14, 8))
    compared.found(tmp_path, alphas=alphas)
    ranked = np.sort(alphas[:, 1:], axis=1)  # `none` is never chosen
    (one,) = records.read(tmp_path)[0]
    lead = (ranked[:, -1] - ranked[:, -2]).mean()
    assert decisions.lead(one) == pytest.approx(lead)
    # A softmax is blind to the constant of an edge.
    shifted = alphas + np.arange(14)[:, None]
    compared.found(tmp_path, seed=1, alphas=shifted)
    assert decisions.lead(records.read(tmp_path)[0][1]) == pytest.approx(lead)


# === Settings that were tried ===


@pytest.fixture
def tuned(tmp_path):
    """A folder of searches that chose settings, on seeds 0 and 1."""
    out = tmp_path / "tuned"
    for seed in (0, 1):
        compared.found(out, seed=seed)
    name = "darts+beta_decay=5_digits_seed0"
    compared.found(out, name=name, beta_decay=5.0, finished=False)
    compared.baseline(out)
    return out


def test_a_comparison_records_the_settings_that_were_tried(tmp_path, tuned):
    out = tmp_path / "runs"
    compared.found(out, seed=3)
    compared.trained(compared.found(out, seed=4), 2.0)
    markdown, _ = gathered(out, f"--tried={tuned}")
    for row in ("| darts | 0, 1 |", "| darts+beta_decay=5 | 0 |"):
        assert row in markdown
    # It is on record from then on.
    again, _ = gathered(out)
    assert again == markdown
    compared.found(out, seed=1)
    with pytest.raises(UserError, match="--seeds=1: chose the settings"):
        gathered(out)
    gathered(out, "--seeds=3,4")


def test_seeds_that_chose_are_refused_before_anything_runs(tmp_path, tuned):
    flags = [f"--tried={tuned}", f"--out={tmp_path}/runs", "--methods=darts"]
    with pytest.raises(UserError) as error:
        plan(*flags, "--seeds=1,2")
    assert str(error.value) == (
        "--seeds=1: chose the settings (darts was tried on them); report "
        "other seeds"
    )
    assert len(plan(*flags, "--seeds=2,3")) == 2


def test_a_folder_without_searches_tried_nothing(tmp_path):
    with pytest.raises(UserError, match="no search there; name its folder"):
        plan(f"--tried={tmp_path}", "--methods=darts", "--seeds=2")


def test_a_comparison_without_such_settings_says_so(tmp_path):
    compared.found(tmp_path)
    markdown, _ = gathered(tmp_path)
    assert "None is on record." in markdown
    assert not (tmp_path / "tried.json").exists()


# === Which epoch's cell ===


def with_epochs(out, seed, proxies, genotypes):
    """A search whose every epoch has a proxy and a cell."""
    folder = compared.found(
        out, seed=seed, genotype=genotypes[-1], space="nasbench201"
    )
    entries = [
        {"stage": 0, "epoch": epoch, "genotype": genotype.to_dict()}
        for epoch, genotype in enumerate(genotypes, 1)
    ]
    compared.write(folder, "genotypes", entries)
    with open(folder / "history.csv", "w", newline="") as file:
        columns = [*contents.SEARCH_COLUMNS, *contents.OPTIONAL_COLUMNS]
        writer = csv.DictWriter(file, columns, restval=0)
        writer.writeheader()
        for epoch, proxy in enumerate(proxies, 1):
            writer.writerow({"epoch": epoch, "proxy_accuracy": proxy})
    return read_run(folder)


@pytest.fixture
def proxied(tmp_path):
    """Eight searches; the best proxy is the second epoch's, or the last's.

    By the table its regret is 10 - 93.1 points in four of them, else 0.
    """
    cells_ = [SKIPS, CONVOLUTIONS, NOTHING]
    proxies = [[0.1, 0.9, 0.2]] * 4 + [[0.1, 0.2, 0.9]] * 4
    return [
        with_epochs(tmp_path / "runs", seed, each, cells_)
        for seed, each in enumerate(proxies)
    ]


def regrets():
    """The mean of those regrets and the ends of its interval."""
    values = [10 - 93.1] * 4 + [0] * 4
    ends = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    return np.mean(values), *ends


def test_the_best_proxy_s_regret_is_by_the_table(proxied, table):
    benchmark = lookup.read(table)
    verdict = selections.regret(proxied, benchmark)
    assert (verdict.effect, *verdict.ends) == pytest.approx(regrets())
    assert (verdict.n, verdict.says) == ((8,), "supports")
    with pytest.raises(UserError, match="7 runs: give at least 8"):
        selections.regret(proxied[1:], benchmark)


def test_a_comparison_says_whether_the_best_proxy_beats_the_last(
    proxied, tmp_path, table
):
    out, flag = tmp_path / "runs", f"--nasbench201_table={table}"
    compared.found(out, "pdarts", genotype=SKIPS, space="nasbench201")
    compared.baseline(out, genotype=SKIPS)
    effect, low, high = regrets()
    written = f"{effect:+.2f} points ({low:+.2f} to {high:+.2f})"
    markdown, _ = gathered(out, flag)
    assert f"| darts | {written} | 8 | supports |" in markdown
    assert "| all |" not in markdown  # the others have no proxy
    assert "best_proxy against last" not in gathered(out)[0]
    # The eighth search of a method decides; all methods have a row together.
    proxied[0].folder.rename(out / "darts+epochs=9_digits_seed0")
    markdown, _ = gathered(out, flag)
    for label, count in (("darts", 7), ("darts+epochs=9", 1)):
        row = f"| {label} | {NOT_MEASURED} | {count} | needs 8 searches |"
        assert row in markdown
    assert f"| all | {written} | 8 | supports |" in markdown


def test_a_search_that_stopped_early_has_no_last_epoch(
    proxied, tmp_path, table
):
    path = proxied[0].folder / "genotype.json"
    data = json.loads(path.read_text())
    data["provenance"] = {"select": "early_stop"}
    path.write_text(json.dumps(data))
    flag = f"--nasbench201_table={table}"
    markdown, _ = gathered(tmp_path / "runs", flag)
    assert f"| darts | {NOT_MEASURED} | 7 | needs 8 searches |" in markdown


def test_a_search_without_proxies_has_no_regret(tmp_path, table):
    run = with_epochs(tmp_path, 0, [""], [SKIPS])
    with pytest.raises(UserError, match="has no proxies"):
        selections.regret_of(run, lookup.read(table))


# === The files ===


def test_the_page_needs_no_other_file_and_escapes(tmp_path):
    name = "darts+data_dir=<b>_digits_seed0"
    compared.trained(compared.found(tmp_path, name=name), 2.0)
    gathered(tmp_path)
    page = (tmp_path / "comparison.html").read_text()
    assert "<b>_" not in page.replace("<figcaption><b>", "")
    assert not re.search(r'(src|href)="(?!comparison\.)', page)
    assert page.count("<svg") == 3  # each seed, parameters, multiply-adds
    assert "Latency: not measured" in page
    assert (tmp_path / "comparison.png").read_bytes()[:4] == b"\x89PNG"


@pytest.fixture
def home(tmp_path):
    """A zoo without networks."""
    folder = tmp_path / "zoo"
    folder.mkdir()
    (folder / "index.json").write_text(
        '{"format": "tfnas-zoo/1", "models": []}'
    )
    return folder


def test_what_the_zoo_keeps_is_in_its_results(tmp_path, table, home, capsys):
    out = tmp_path / "runs"
    compared.found(out, genotype=SKIPS, space="nasbench201")
    compared.baseline(out, genotype=CONVOLUTIONS)
    gathered(out, f"--nasbench201_table={table}")
    build.main(
        ["build", f"--comparison={out}", "--name=bench", f"--zoo={home}"]
    )
    with open(home / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["test_accuracy_percent"] for row in rows] == ["54.30", "93.10"]
    assert {row["kind"] for row in rows} == {"NAS-Bench-201"}
    assert rows[0]["name"].startswith("bench/darts")
    assert rows[0]["source"].startswith("python -m tfnas.search ")
    assert rows[1]["source"].startswith("python -m tfnas.baseline ")
    build.main(["build", "--table", f"--zoo={home}"])
    best, worst = capsys.readouterr().out.splitlines()[-2:]
    assert best == "| `random` | 93.10 (n=1) | 70.50 (n=1) | 1 | 30.0 (n=1) |"
    assert worst == "| `darts` | 54.30 (n=1) | 15.61 (n=1) | 2 | 30.0 (n=1) |"
    build.main(["build", "--verify", f"--zoo={home}"])
    kept = home / "comparisons" / "bench.csv"
    kept.write_text(kept.read_text().replace("54.3", "94.3"))
    with pytest.raises(UserError, match="faults found"):
        build.main(["build", "--verify", f"--zoo={home}"])


def test_what_was_measured_here_says_so(tmp_path, home):
    out = tmp_path / "runs"
    compared.trained(compared.found(out), 2.5)
    gathered(out)
    build.main(["build", f"--comparison={out}", f"--zoo={home}"])
    with open(home / "results.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["test_accuracy_percent"] == "97.50"
    assert row["kind"] == "measured here"


def test_the_zoo_keeps_transfers_with_commands_of_their_own(
    tmp_path, home, capsys
):
    out = tmp_path / "runs"
    for seed, error in enumerate((2.0, 3.0)):
        found = compared.found(out, seed=seed)
        compared.trained(found, error)
        compared.trained(
            found, 10 * error, name="fashion_mnist", dataset="fashion_mnist"
        )
        compared.trained(found, 1.0, name="8_cells", cells=8)
    gathered(out)
    build.main(["build", f"--comparison={out}", f"--zoo={home}"])
    with open(home / "results.csv", newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["dataset"] == "fashion_mnist"
        ]
    assert [row["test_accuracy_percent"] for row in rows] == ["80.00", "70.00"]
    assert all(row["hours"] == "1.0" for row in rows)
    assert rows[0]["source"].startswith("python -m tfnas.train ")
    build.main(["build", "--table", f"--zoo={home}"])
    # Student's t with one degree of freedom times half of the difference.
    half = stats.t.ppf(0.975, 1) / 2
    errors = (
        f"{2.5 * k:.2f} ({2.5 * k - half * k:.2f} to "
        f"{2.5 * k + half * k:.2f}, n=2)"
        for k in (1, 10)
    )
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"| `darts` | {' | '.join(errors)} | 6,000 | 6.0 M | 30.0 ± 0.0 (n=2) |"
    )


def test_tables_of_the_zoo_leave_out_what_was_not_measured(
    tmp_path, table, home, capsys
):
    out, mixed = tmp_path / "runs", tmp_path / "mixed"
    darts = compared.found(out)
    compared.trained(darts, 2.0)
    compared.trained(darts, 9.0, name="cifar100", dataset="cifar100")
    compared.trained(compared.found(out, "pdarts"), 3.0)
    gathered(out)
    one = compared.found(mixed, genotype=SKIPS, space="nasbench201")
    compared.trained(one, 4.0, name="cifar100", dataset="cifar100")
    gathered(mixed, f"--nasbench201_table={table}")
    for folder in (out, mixed):
        build.main(["build", f"--comparison={folder}", f"--zoo={home}"])
    build.main(["build", "--table", f"--zoo={home}"])
    *_, head, _, first, second = capsys.readouterr().out.splitlines()
    assert head.startswith("| cells found by | error on digits, % | error on c")
    assert first.startswith("| `darts` | 2.00 (n=1) | 9.00 (n=1) |")
    assert second.startswith(f"| `pdarts` | 3.00 (n=1) | {NOT_MEASURED} |")


def test_a_comparison_without_accuracies_is_not_kept(tmp_path, home):
    out = tmp_path / "runs"
    compared.found(out)
    gathered(out)
    with pytest.raises(UserError, match="comparison.png: No such file"):
        build.main(["build", f"--comparison={out}", f"--zoo={home}"])
    (out / "comparison.png").write_bytes(b"")
    with pytest.raises(UserError, match="darts_digits_seed0 has no accuracy"):
        build.main(["build", f"--comparison={out}", f"--zoo={home}"])
    assert not (home / "comparisons").exists()


def test_latency_is_drawn_where_it_was_measured(tmp_path):
    compared.trained(compared.found(tmp_path), 2.0, latency=3.5)
    markdown, _ = gathered(tmp_path)
    page = (tmp_path / "comparison.html").read_text()
    assert page.count("<svg") == 4
    assert "Latency: not measured" not in markdown


def test_errors_of_different_tests_are_not_in_one_picture(tmp_path, table):
    out = tmp_path / "runs"
    one = compared.found(out, genotype=CONVOLUTIONS, space="nasbench201")
    compared.trained(one, 2.0)
    compared.found(out, seed=1, genotype=SKIPS, space="nasbench201")
    gathered(out, f"--nasbench201_table={table}")
    page = (out / "comparison.html").read_text()
    labels = re.findall(r'aria-label="([^"]*: test error [^"]*)"', page)
    assert len(labels) == 4
    benched, trained = labels[0], labels[2]
    # The benchmark's networks: 1,531,546 and 73,306 parameters.
    assert benched.endswith("on the front: 73.3 k: 45.70, 1.53 M: 6.90")
    assert trained.endswith("on the front: 6.00 k: 2.00")


def test_an_untrained_search_has_tables_and_no_pictures(tmp_path):
    compared.found(tmp_path)
    markdown, _ = gathered(tmp_path)
    assert "Errors against costs: not measured" in markdown
    assert "<svg" not in (tmp_path / "comparison.html").read_text()
    assert not (tmp_path / "comparison.png").exists()


def test_long_labels_stay_in_the_picture_and_apart(tmp_path, monkeypatch):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figures = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure,
        "savefig",
        lambda figure, *args, **kwargs: (
            figures.append(figure),
            save(figure, *args, **kwargs),
        ),
    )
    long = "fair_darts+warmup_epochs=8+zero_one_weight=1.2+learning_rate=0.025"
    scores = {"darts": [93.0, 94.0], long: [93.5], f"{long}1": [93.7]}
    plots.picture(scores, "accuracy, %", tmp_path / "picture.png")
    (figure,) = figures
    labels = figure.axes[0].get_yticklabels()
    assert ["".join(t.get_text().split()) for t in labels] == [*scores]
    canvas = FigureCanvasAgg(figure)
    boxes = [t.get_window_extent(canvas.get_renderer()) for t in labels]
    assert min(box.x0 for box in boxes) >= 0
    for above, below in itertools.pairwise(boxes):
        assert above.y0 > below.y1


# === Measured on purpose ===


def test_a_pruned_supernet_is_one_of_extreme_alphas():
    import tfnas
    from tfnas.networks.pruning import pruned_weights

    supernet = tfnas.Supernet(
        "darts", input_shape=(8, 8, 1), channels=2, cells=3, nodes=2
    )
    genotype = supernet.derive()
    images = np.random.default_rng(2).normal(size=(3, 8, 8, 1)).astype("f")
    # A softmax gives all to one operation, and `none` where no edge is left.
    for kind, own in genotype.cells.items():
        names = supernet.operations[kind]
        extreme = np.zeros((len(names), len(names[0])), np.float32)
        pairs = [(0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
        kept = {(e.source, e.to): e.op for e in own.edges}
        for row, pair in enumerate(pairs):
            extreme[row, names[row].index(kept.get(pair, "none"))] = 1000
        supernet.architecture[f"alphas_{kind}"].assign(extreme)
    expected = np.array(supernet(images))
    for variable in supernet.architecture.values():
        variable.assign(np.zeros(variable.shape))
    assert np.abs(np.array(supernet(images)) - expected).max() > 1e-3
    pruned = supernet(images, mixing=pruned_weights(supernet, genotype))
    np.testing.assert_allclose(pruned, expected, atol=1e-5)


def small_supernet():
    """A supernet of the benchmark with something learned in its statistics."""
    import tfnas

    method = tfnas.methods.get("darts").with_flags({"space": "nasbench201"})
    supernet = tfnas.networks.build_supernet(
        method, channels=2, cells=3, input_shape=(8, 8, 1), classes=3
    )
    images = np.random.default_rng(2).normal(size=(2, 12, 8, 8, 1))
    # The class is the channel's sign in the middle of the image.
    labels = np.digitize(images[:, :, 4, 4, 0], (-0.4, 0.4))
    batches = [*zip(images.astype("f"), labels, strict=True)]
    return supernet, batches


def test_a_pruned_accuracy_is_by_the_batch_s_statistics():
    from tfnas.bilevel import pruned
    from tfnas.networks.pruning import pruned_weights

    supernet, batches = small_supernet()
    mixing = pruned_weights(supernet, CONVOLUTIONS)
    weights = supernet.weight_variables
    before = [np.array(variable) for variable in weights]
    right = [
        np.argmax(supernet(x, training=True, mixing=mixing), -1) == y
        for x, y in batches
    ]
    # That call recorded other statistics, which must not matter.
    for variable in supernet.non_trainable_variables:
        variable.assign(np.full(variable.shape, 7.0))
    accuracy = pruned.BatchAccuracy(supernet)
    assert accuracy(batches, mixing) == pytest.approx(np.mean(right))
    # The whole supernet's takes the same trace.
    accuracy(batches, supernet.mixing_weights())
    assert accuracy._right.experimental_get_tracing_count() == 1
    for variable, value in zip(weights, before, strict=True):
        assert np.array_equal(variable, value), variable.path


def test_tuning_moves_the_weights_alone_and_lowers_the_loss():
    from tfnas.bilevel import pruned
    from tfnas.bilevel.hypergradient import cross_entropy
    from tfnas.networks.proxy import still_logits
    from tfnas.networks.pruning import pruned_weights

    supernet, batches = small_supernet()
    mixing = pruned_weights(supernet, CONVOLUTIONS)

    def loss():
        images, labels = batches[0]
        return float(
            cross_entropy(labels, still_logits(supernet, images, mixing=mixing))
        )

    own = {v.path for v in supernet.weight_variables}
    others = [v for v in supernet.variables if v.path not in own]
    before, start = [np.array(v) for v in others], loss()
    pruned.tune(supernet, batches[:1] * 20, mixing)
    assert loss() < start
    for variable, value in zip(others, before, strict=True):
        assert np.array_equal(variable, value), variable.path


def test_what_an_earlier_version_measured_is_measured_again(
    tmp_path, monkeypatch
):
    old = compared.found(tmp_path)
    compared.write(old, "measured", {"pruned_accuracy": 0.1})
    new = compared.found(tmp_path, seed=1, pruning={"whole": 0.5})
    trained = compared.trained(new, 2.0)
    asked = []
    monkeypatch.setattr(
        measuring.Relay, "start", lambda _, words: asked.append(words[-1])
    )
    found, _ = records.read(tmp_path)
    assert [one.pruning for one in found] == [{}, {"whole": 50.0}]
    measuring.measure_all(found)
    assert asked == [str(old), str(trained)]


@pytest.mark.slow
def test_a_comparison_runs_trains_measures_and_is_then_done(tmp_path):
    from tfnas import data

    flags = [
        "--methods=darts,random",
        "--seeds=0",
        "--space=nasbench201",
        "--channels=2",
        "--cells=3",
        "--epochs=1",
        "--batch_size=64",
        "--train_images=300",
        "--train=--epochs=1 --warmup_epochs=0 --channels=2 --cells=3",
        "--baseline=--trials=2 --epochs=1 --warmup_epochs=0 --channels=2",
        "--measure",
        f"--out={tmp_path}",
    ]

    def run():
        return subprocess.run(
            [sys.executable, "-m", "tfnas.compare", *flags],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )

    done = run()
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "comparison.csv", newline="") as file:
        searched, by_chance = csv.DictReader(file)
    assert float(searched["latency_ms"]) > 0
    for name in ("whole", "pruned", "tuned", "chance"):
        assert 0 <= float(searched[f"{name}_percent"]) <= 100
    assert 0 <= float(by_chance["test_error_percent"]) <= 100
    folder = tmp_path / "darts_digits_seed0"
    # What is measured is the supernet of the search's end.
    supernet, images, seed = measuring.restored(read_run(folder))
    _, half = data.search_halves(images, supernet.method.halves, seed)
    batches = data.evaluation_batches(images.train.take(half), images, 64)
    right = [
        np.argmax(supernet(x, training=False), -1) == y.numpy()
        for x, y in batches
    ]
    whole = np.concatenate(right).mean()
    assert f"{100 * whole:.2f}" == searched["supernet_accuracy_percent"]
    assert isinstance(Genotype.from_json(folder / "genotype.json"), Genotype)
    again = run()
    assert again.returncode == 0, again.stderr
    lines = again.stdout.splitlines()
    assert sum(line.endswith(": finished") for line in lines) == 4
    assert not any(line.startswith("python -m") for line in lines)
