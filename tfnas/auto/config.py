"""`python -m tfnas.auto`: its flags, and the start of its work."""

import dataclasses
import os
from pathlib import Path

from tfnas import export
from tfnas.auto.rules import COMPARED_FROM
from tfnas.choice import choice
from tfnas.cli import command, flags
from tfnas.data.names import DATASETS
from tfnas.errors import UserError
from tfnas.runs import contents, naming, trials

USAGE = """usage: python -m tfnas.auto --data_dir=DIR --hours=2 [--flag=value]

Looks at the images, the machine and the time, plans, searches, trains, exports
SavedModel and ONNX, and writes one report. The same command goes on after a
stop; with more --hours it goes on after the end.
"""


@dataclasses.dataclass(frozen=True)
class AutoConfig:
    """The flags of the whole way."""

    BARE = {"dataset": lambda: DATASETS}

    dataset: str = flags.dataset("; image_folder if --data_dir is given alone")
    dataset_name: str | None = flags.dataset_name()
    data_dir: str | None = flags.data_dir()
    image_size: int | None = flags.image_size()
    data_csv: str | None = flags.data_csv()
    test_share: float | None = flags.test_share()
    skip_damaged: bool = flags.skip_damaged()
    hours: float = choice(
        1.0,
        "hours that everything may take; after the end, more hours go on",
        least=0.05,
    )
    plan: bool = choice(False, "print the plan and stop")
    seed: int = flags.seed("the search, the trainings and the random cell")
    out: str | None = flags.out("runs/auto_DATASET")

    def images(self):
        """{flag: value} of the images, as commands take them."""
        names = (*flags.SOURCE, "image_size", "dataset_name")
        found = {name: getattr(self, name) for name in names}
        if self.skip_damaged:
            found["skip_damaged"] = True
        return {k: v for k, v in found.items() if v is not None}


def main(argv):
    """Do everything with the flags in `argv`; argv[0] is the program's name.

    On SIGTERM or Ctrl-C it raises `Interrupted`, after the run's checkpoint.
    """
    return command.answer(argv, (AutoConfig,), USAGE, _auto)


def _auto(given):
    config = ready(given)
    # NumPy would double the time that --help takes.
    from tfnas.auto import run

    run.run(config)


def ready(given):
    """The `AutoConfig` of {flag: value}, checked before anything starts."""
    config = resolve(given)
    export.check_libraries("auto")
    if config.hours >= COMPARED_FROM:
        trials.check_installed(f"hours={config.hours}")
    from tfnas.data import check_request

    check_request(**flags.images(config))
    return config


def resolve(given):
    """The `AutoConfig` of {flag: value}, its `out` set."""
    given = naming.named(given)
    if {"data_dir", "data_csv"} & given.keys():
        given = {"dataset": naming.FOLDER, **given}
    config = command.made(AutoConfig, given)
    out = config.out or naming.folder(
        lambda data: f"runs/auto_{data.replace('/', '_')}", config, False
    )
    out = os.path.normpath(out)
    _check_folder(Path(out))
    return command.made(AutoConfig, {**_planned(out, given), "out": out})


def _planned(out, given):
    """{flag: value}, of the plan in the folder if there is one.

    More hours are for another round; all else is fixed.
    """
    if not (Path(out) / contents.PLAN).is_file():
        return given
    from tfnas.runs import parsing

    kept = parsing.read_json(Path(out) / contents.PLAN)["config"]
    home = kept.pop("out")
    if os.path.realpath(home) != os.path.realpath(out):
        raise UserError(
            f"--out={out}: its plan was made for {home}; move the folder back "
            "or start where it was started"
        )
    for name, value in given.items():
        if name in ("hours", "plan", "out"):
            continue
        if _same(name, value) != _same(name, kept[name]):
            raise UserError(
                f"--{name}={command.show(value)}: the plan in {out} has "
                f"{command.show(kept[name])}; choose another --out"
            )
    free = {k: v for k, v in given.items() if k in ("hours", "plan")}
    return {**kept, **free}


def _same(name, value):
    """A value to compare: one folder may be written in several ways."""
    path = name in ("data_dir", "data_csv") and value
    return os.path.realpath(value) if path else value


def _check_folder(out):
    """Refuse a folder with something else in it."""
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError(f"--out={out}: a file; choose another folder")
    known = {contents.PLAN, contents.LOCK, contents.CLOCK, contents.GIVEN}
    names = {name for name in os.listdir(out) if not name.endswith(".part")}
    if names - known and contents.PLAN not in names:
        raise UserError(
            f"--out={out}: holds {min(names - known)!r} but no "
            f"{contents.PLAN}; choose another folder"
        )
