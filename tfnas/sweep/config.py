"""`python -m tfnas.sweep`: its flags, and the start of its work."""

import dataclasses
import itertools
import shlex
from pathlib import Path

from tfnas import search, train
from tfnas.choice import choice, fields
from tfnas.cli import command, flags
from tfnas.data.names import canonical
from tfnas.devices.devices import check_batch, parse
from tfnas.errors import UserError
from tfnas.methods.method import Method
from tfnas.runs import kept_images, naming
from tfnas.sweep.tasks import RESOLVE, Task
from tfnas.train import Recipe

USAGE = """usage: python -m tfnas.sweep --methods=A,B --seeds=0,1 [--flag=value]

Searches with every method, on every data set, with every seed. Each search has
a folder in --out; finished ones stay, stopped ones resume. Passes all other
flags of tfnas.search on to every search.
"""
# Flags of a search that a sweep sets itself.
OWN = {
    "method": "use --methods",
    "dataset": "use --datasets",
    "seed": "use --seeds",
    "resume": "leave it out, a sweep always resumes",
    "tune": "tune before",
    "tune_epochs": "tune before",
}


@dataclasses.dataclass(frozen=True)
class SweepConfig:
    """The flags of a sweep."""

    methods: tuple[str, ...] = choice(("darts",), "search methods")
    datasets: tuple[str, ...] = choice(("digits",), "data sets")
    seeds: tuple[int, ...] = flags.seeds((0,))
    train: str | None = flags.train()
    out: str = choice(
        "runs/sweep", "folder for the runs' folders and results.csv"
    )
    plan: bool = choice(False, "print the tasks without running them")
    task: int | None = choice(
        None,
        "run only this task, counted from 0, as a SLURM array or an indexed "
        "Kubernetes job numbers it",
        least=0,
    )
    engine: str = choice(
        "local",
        "local runs one task after the other; ray uses the Ray cluster that "
        "RAY_ADDRESS names, or this machine",
        options=("local", "ray"),
    )
    cpus: int = choice(
        4, "cores of a run on Ray; a smaller machine gives all it has", least=1
    )
    gpus: int = choice(0, "GPUs of a run on Ray", least=0)
    gather: bool = choice(
        False, "only write the finished runs in --out to results.csv"
    )


def main(argv):
    """Sweep with the flags in `argv`; argv[0] is the program's name.

    On SIGTERM or Ctrl-C it raises `Interrupted`, after the runs' checkpoints.
    """
    configs = (search.SearchConfig, Method, SweepConfig)
    return command.answer(argv, configs, USAGE, _sweep)


def _sweep(given):
    config, tasks = resolve(given)
    if config.plan:
        print(*map(str, tasks), sep="\n")
        print(f"{len(tasks)} tasks: --task=0 to --task={len(tasks) - 1}")
        return
    # NumPy would double the time that --help takes.
    from tfnas.sweep import run

    run.sweep(config, tasks)


def resolve(given):
    """The `SweepConfig` and the tasks of a sweep from {flag: value}.

    Each `Task`'s flags are checked.
    """
    for name, remedy in OWN.items():
        if name in given:
            raise UserError(f"--{name}: a sweep sets it; {remedy}")
    names = {field.name for field in fields(SweepConfig)}
    config = command.made(SweepConfig, given)
    command.refuse_unused(given, _unused(config, given))
    passed = {k: v for k, v in given.items() if k not in names}
    trained = training_flags(config.train)
    # A value given twice is one task, not two in one folder.
    datasets = map(canonical, config.datasets)
    axes = map(dict.fromkeys, (config.methods, datasets, config.seeds))
    tasks = [
        _task(number, *values, config.out, passed, trained)
        for number, values in enumerate(itertools.product(*axes))
    ]
    if config.task is not None and config.task >= len(tasks):
        raise UserError(
            f"--task={config.task}: there are {len(tasks)}; use 0 to "
            f"{len(tasks) - 1}"
        )
    return config, tasks


def _unused(config, given):
    """The rules for `command.refuse_unused`."""
    read = ("gather", "out")
    others = tuple(name for name in given if name not in read)
    yield others, config.gather, "--gather only reads --out"
    yield ("task",), config.plan, "--plan prints every task"
    alone = config.task is not None
    yield ("engine",), alone, f"--task={config.task} runs here"
    room = ("cpus", "gpus")
    yield room, config.engine != "ray", f"--engine={config.engine} takes none"


def _task(number, method, dataset, seed, out, passed, trained):
    def place(data):
        # A data set's name may have a slash before its configuration.
        name = f"{method}_{data}_seed{seed}".replace("/", "_")
        return str(Path(out) / name)

    given = {"method": method, "dataset": dataset, "seed": seed, **passed}
    config = command.made(search.SearchConfig, given)
    folder = naming.folder(place, config, goes_on=True)
    return task(number, folder, given, trained)


def task(number, folder, given, trained, also=None, kind="search"):
    """A `Task` whose search's flags, `given`, are checked together.

    `trained` are the training's flags, or None; `also` is {name: flags} of more
    trainings; `kind` is "search" or "baseline".
    """
    from tfnas.data import check_request

    config, values = RESOLVE[kind]({**given, "out": folder})
    if kind == "search":
        check_batch(values.batch_size, parse(config.devices).count)
    check_request(**kept_images.asked(config), augmentation=values.augmentation)
    return Task(number, folder, given, trained, also or {}, kind)


def training_flags(words, flag="--train"):
    """{flag: value} of the trainings in a string, or None without one.

    `flag` is the flag with the string. A value that follows from the search
    raises `UserError`.
    """
    if words is None:
        return None
    given = command.parse(
        ["train", *shlex.split(words)], train.TrainConfig, Recipe
    )
    for name in ("genotype", "seed", "out", "resume", *flags.SOURCE):
        if name in given:
            raise UserError(
                f"{flag}=--{name}: the training takes its search's; leave "
                "it out"
            )
    # Any genotype will do to check the values together.
    train.resolve({"genotype": "DARTS_V2", **given})
    return given
