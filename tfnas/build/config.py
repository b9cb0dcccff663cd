"""`python -m tfnas.build`: its flags, and the start of its work."""

import dataclasses
from pathlib import Path

from tfnas import zoo
from tfnas.choice import choice
from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.export import check_libraries

USAGE = """usage: python -m tfnas.build --model=NAME [--flag=value ...]
       python -m tfnas.build --run=DIR [--name=NAME] [--flag=value ...]
       python -m tfnas.build --comparison=DIR [--name=NAME]
       python -m tfnas.build --verify [--accuracy]
       python -m tfnas.build --table

Trains an entry of the zoo again with its recorded command, or makes an entry
from a finished training: weights, card, a line in the index and in the results,
SavedModel and ONNX. Or adds a comparison and its runs' results, checks the zoo
against its index, or prints its results.
"""

MODES = ("model", "run", "comparison", "verify", "table")


@dataclasses.dataclass(frozen=True)
class BuildConfig:
    """The flags of a build."""

    BARE = {"model": zoo.list_models}

    model: str | None = choice(
        None, "name of an entry to train, export and describe again"
    )
    search: bool = choice(
        False, "with --model, search again instead of using the stored genotype"
    )
    resume: bool = choice(False, "with --model, continue the runs in --out")
    run: str | None = choice(
        None, "finished folder of tfnas.train to make an entry from"
    )
    name: str | None = choice(
        None,
        "with --run, the entry's name, by default made from the run's values; "
        "with --comparison, its name, by default its folder's",
    )
    search_run: str | None = choice(
        None,
        "with --run, the folder of the search before it; by default where the "
        "trained genotype was",
    )
    comparison: str | None = choice(
        None, "finished folder of tfnas.compare to add"
    )
    verify: bool = choice(False, "check the whole zoo, or only --model")
    accuracy: bool = choice(
        False,
        "with --verify, measure test accuracies again if the images are there",
    )
    table: bool = choice(
        False, "print the figures measured here and the papers'"
    )
    data_dir: str | None = choice(
        None, "folder of the images, called DIR in recorded commands"
    )
    zoo: str | None = choice(
        None, "folder of the zoo to read and write; by default the checkout's"
    )
    export: bool = choice(True, "write SavedModel and ONNX to --out")
    out: str | None = choice(
        None, "folder for runs and exports; by default runs/build_NAME"
    )


def main(argv):
    """Build or verify; `argv` has the program's name and the flags."""
    return command.answer(argv, (BuildConfig,), USAGE, _build)


def _build(given):
    config = resolve(given)
    from tfnas.build import run

    run.build(config)


def resolve(given):
    """The `BuildConfig` from {flag: value}, checked as far as files go."""
    config = command.made(BuildConfig, given)
    modes = [m for m in MODES if given.get(m)]
    if not modes:
        raise UserError(
            "--model: missing; or give --run, --comparison, --verify or --table"
        )
    if len(modes) > 1 and modes != ["model", "verify"]:
        raise UserError(f"--{modes[0]}: leave out --{modes[1]}")
    command.refuse_unused(given, _unused(config, modes[-1]))
    if config.model:
        _check_entry(config)
    if config.verify or config.table:
        return config
    _check_writable(config)
    for mode in ("run", "comparison"):
        folder = getattr(config, mode)
        if folder and not Path(folder).is_dir():
            raise UserError(f"--{mode}={folder}: no such folder")
    if config.comparison:
        return config
    if config.export:
        # Before hours of training.
        check_libraries("--export", ", or add --export=false")
    if config.model and config.out is None:
        config = dataclasses.replace(config, out=f"runs/build_{config.model}")
    if config.model:
        _check_out(config)
    return config


def _unused(config, mode):
    """The rules for `command.refuse_unused`."""

    def only(flags, *modes):
        return flags, mode not in modes, "is for --" + " or --".join(modes)

    yield only(("search", "resume"), "model")
    yield only(("name",), "run", "comparison")
    yield only(("search_run",), "run")
    yield only(("accuracy",), "verify")
    yield only(("data_dir",), "model", "run", "verify")
    yield only(("export", "out"), "model", "run")
    yield (
        ("data_dir",),
        mode == "verify" and not config.accuracy,
        "--verify reads images only for --accuracy",
    )
    yield (
        ("out",),
        mode == "run" and not config.export,
        "--export=false writes nothing there",
    )


def _check_entry(config):
    entry = zoo.entry(config.model, config.zoo)
    if config.verify:
        return
    if entry.training is None:
        raise UserError(
            f"--model={entry.name}: has no training to repeat; train it with "
            f"python -m tfnas.train --genotype={entry.architecture}, then "
            "make an entry from the folder with --run"
        )
    if config.search and entry.search is None:
        raise UserError(
            f"--model={entry.name}: its search was not recorded; leave out "
            "--search"
        )


def _check_out(config):
    """Refuse now what the export would refuse after the training."""
    for part in ("search", "train", "export"):
        folder = Path(config.out) / part
        if folder.exists() and not config.resume:
            raise UserError(
                f"--out={config.out}: holds {part} of another build; add "
                "--resume to continue it or choose another folder"
            )


def _check_writable(config):
    root = zoo.root(config.zoo)
    if config.zoo is None and root.name == "_zoo":
        raise UserError(
            "--zoo: give a folder; the installed zoo belongs to the package"
        )
