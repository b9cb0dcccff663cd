"""`python -m tfnas.compare`: its flags, and the start of its work."""

import dataclasses
import itertools
import shlex
from pathlib import Path

from tfnas import baseline, methods, search, sweep, train
from tfnas.baseline import TITLES
from tfnas.choice import choice, fields
from tfnas.cli import command, flags
from tfnas.compare import labels, tried
from tfnas.data.names import canonical
from tfnas.errors import UserError, nearest
from tfnas.methods.method import Method
from tfnas.runs import naming
from tfnas.train import Recipe

USAGE = """usage: python -m tfnas.compare --methods=A,B --seeds=3,4 [--flag=X]

Runs methods and baselines with several seeds, unless they are finished, and
compares the results: the survey's tables with the papers' figures, the gain
over random search with a test, and NAS-Bench-201's figures for the cells.
Writes comparison.csv, .md, .html and .png to --out. Passes all other flags of
tfnas.search on to every search.

A method, or a data set of --transfer, may have its own values:
darts+beta_decay=25+epochs=9, with colons for commas in a value.
"""
BASELINES = tuple(TITLES)
# Flags of a search that a comparison sets itself.
OWN = {name: remedy for name, remedy in sweep.OWN.items() if name != "dataset"}


@dataclasses.dataclass(frozen=True)
class CompareConfig:
    """The flags of a comparison."""

    methods: tuple[str, ...] = choice(
        ("darts", "random"),
        "search methods and baselines: " + ", ".join(BASELINES),
    )
    seeds: tuple[int, ...] = flags.seeds((0, 1, 2))
    train: str | None = flags.train()
    transfer: tuple[str, ...] = choice(
        (),
        "also train each cell on these data sets, such as "
        "fashion_mnist,digits+epochs=60",
    )
    depths: tuple[int, ...] = choice(
        (),
        "also train each cell in networks with these numbers of cells",
        least=3,
    )
    baseline: str | None = choice(
        None,
        "flags of tfnas.baseline, quoted, such as '--minutes=20 --trials=1000'",
    )
    nasbench201_table: str | None = choice(
        None,
        "file to look up the cells of space nasbench201: a CSV with columns "
        "arch, cifar10, cifar100, imagenet16_120 (test accuracies in "
        "percent), or the official files, which need nats_bench",
    )
    measure: bool = choice(
        False,
        "also measure each supernet pruned to its cell, and the latency of "
        "each trained network on this machine",
    )
    tried: str | None = choice(
        None,
        "folder of the runs, from other seeds, that chose the settings; it is "
        "recorded, and their seeds are refused",
    )
    out: str = choice(
        "runs/compare", "folder for the runs' folders and the comparison"
    )
    gather: bool = choice(
        False,
        "run nothing; compare the finished runs in --out, or only those of "
        "--methods and --seeds",
    )


def main(argv):
    """Compare with the flags in `argv`; argv[0] is the program's name.

    On SIGTERM or Ctrl-C it raises `Interrupted`, after the runs' checkpoints.
    """
    configs = (search.SearchConfig, Method, CompareConfig)
    return command.answer(argv, configs, USAGE, _compare)


def _compare(given):
    given = naming.named(given)
    config, tasks = resolve(given)
    # NumPy and matplotlib would double the time that --help takes.
    from tfnas.compare import run

    run.compare(config, tasks, given)


def resolve(given):
    """The `CompareConfig` and the tasks of a comparison from {flag: value}.

    Each `Task`'s flags are checked; --gather has no tasks.
    """
    for name, remedy in OWN.items():
        if name in given:
            raise UserError(f"--{name}: a comparison sets it; {remedy}")
    given = naming.named(given)
    names = {field.name for field in fields(CompareConfig)}
    config = command.made(CompareConfig, given)
    _check(config)
    if config.gather:
        return config, []
    passed = {k: v for k, v in given.items() if k not in names}
    command.refuse_unused(given, _unused(config, passed))
    trained = sweep.training_flags(config.train)
    also = {
        **_transfers(config.transfer, trained),
        **{f"{depth}_cells": {"cells": depth} for depth in config.depths},
    }
    # Seed by seed, so that early results compare every method.
    axes = itertools.product(
        dict.fromkeys(config.seeds), dict.fromkeys(config.methods)
    )
    tasks = [
        _task(number, label, seed, config, passed, trained, also)
        for number, (seed, label) in enumerate(axes)
    ]
    return config, tasks


def _check(config):
    for label in config.methods:
        known = [*methods.names(), *BASELINES]
        name = labels.method(label)
        if name not in known:
            hint = nearest(name, known, f"choose from {', '.join(known)}")
            raise UserError(f"--methods={label}: no such method; {hint}")
    for name in ("transfer", "depths"):
        if getattr(config, name) and config.train is None:
            raise UserError(
                f"--{name}: is for trainings; add --train='flags of "
                "tfnas.train'"
            )
    if config.nasbench201_table is not None:
        from tfnas.compare import lookup

        lookup.check(config.nasbench201_table)
    settings = tried.settings(config)
    if not config.gather:
        tried.refuse(settings, config.seeds)


def _unused(config, passed):
    """The rules for `command.refuse_unused`."""
    asked = _baselines(config)
    yield ("baseline",), not asked, "--methods has no baseline"
    if len(asked) < len(config.methods):
        return
    shared = {field.name for field in fields(baseline.BaselineConfig)}
    shared -= {"preset", *_idle(asked)}
    yield (
        tuple(name for name in passed if name not in shared),
        True,
        "--methods has baselines alone, which take it from --baseline or not "
        "at all",
    )


def _baselines(config):
    """The baselines among --methods."""
    found = map(labels.method, config.methods)
    return [name for name in found if name in BASELINES]


def _idle(names):
    """The flags that none of these baselines reads."""
    return set.intersection(
        *(set(command.unused(baseline.unused(name))) for name in names)
    )


def _transfers(targets, trained):
    """{name: {flag: value}} of the trainings on other data sets."""
    found = {}
    for target in targets:
        dataset = canonical(labels.method(target))
        elsewhere = {**dict.fromkeys(flags.IMAGES), "dataset": dataset}
        elsewhere["dataset_name"] = None
        elsewhere["skip_damaged"] = False
        words = shlex.join(labels.own_flags(target))
        own = sweep.training_flags(words, "--transfer")
        train.resolve({"genotype": "DARTS_V2", **trained, **own})
        found[dataset.replace("/", "_")] = elsewhere | own
    return found


def _task(number, label, seed, config, passed, trained, also):
    name, words = labels.method(label), labels.own_flags(label)
    dataset = passed.get("dataset", search.SearchConfig().dataset)
    images = {k: passed.get(k) for k in ("data_dir", "dataset_name")}
    folder = naming.folder(
        lambda data: str(
            Path(config.out) / labels.folder_name(label, data, seed)
        ),
        search.SearchConfig(dataset=dataset, **images),
        goes_on=True,
    )
    if name in BASELINES:
        given = _baseline(name, passed, config, words)
        given |= {"dataset": dataset, "seed": seed}
        return sweep.task(number, folder, given, trained, also, "baseline")
    own = command.parse(["compare", *words], search.SearchConfig, Method)
    given = {"method": name, **passed, **own, "dataset": dataset, "seed": seed}
    return sweep.task(number, folder, given, trained, also)


def _halves(config, passed):
    """The searches' --halves, if given, for the baselines too."""
    if "halves" in passed or "preset" not in passed:
        return {k: v for k, v in passed.items() if k == "halves"}
    found = [labels.method(x) for x in config.methods]
    searched = [methods.get(x) for x in found if x not in BASELINES]
    if not searched:
        return {}
    return {"halves": searched[0].with_preset(passed["preset"]).halves}


def _baseline(name, passed, config, words):
    """{flag: value} of a baseline."""
    read = (baseline.BaselineConfig, Recipe)
    every = ["baseline", *shlex.split(config.baseline or "")]
    every, own = (
        command.parse(typed, *read) for typed in (every, ["baseline", *words])
    )
    for flag in ("name", "seed", "out", "resume", *flags.SOURCE):
        if flag in every | own:
            raise UserError(
                f"--baseline=--{flag}: the comparison sets it; leave it out"
            )
    known = {field.name for field in fields(baseline.BaselineConfig)}
    # A search preset is not a preset of the baselines' recipe.
    shared = (known | {"halves"}) - {"preset", *_idle([name])}
    searched = {**passed, **_halves(config, passed)}
    # Flags that only another baseline reads are for that one.
    others = _idle([name]) - _idle(_baselines(config))
    return {
        "name": name,
        **{k: v for k, v in searched.items() if k in shared},
        **{k: v for k, v in every.items() if k not in others},
        **own,
    }
