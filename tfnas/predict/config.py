"""`python -m tfnas.predict`: its flags, and the start of its work."""

import os
from dataclasses import dataclass
from pathlib import Path

from tfnas import zoo
from tfnas.choice import choice, fields
from tfnas.cli import command, flags
from tfnas.errors import UserError
from tfnas.predict import images
from tfnas.runs.reading import read_run

USAGE = """usage: python -m tfnas.predict --model=NAME|--run=DIR FILE_OR_FOLDER

Classifies image files with a network of the zoo or of a finished training, and
prints the classes with their probabilities. Takes several files and folders,
with flags anywhere among them; a folder stands for all images in it, at any
depth. If folders are named like the network's classes (CLASS/*), it also prints
the accuracy and draws the most confident mistakes.
"""


@dataclass(frozen=True)
class PredictConfig:
    """The flags of a prediction, besides the files."""

    model: str | None = flags.model()
    run: str | None = flags.run()
    top: int = choice(3, "number of classes to print for an image", least=1)
    csv: bool = choice(
        False, "print CSV: a line for each image, a column for each class"
    )
    json: bool = choice(False, "print JSON")
    sheet: str = choice(
        "mistakes.png",
        "PNG file for the most confident mistakes among images in class "
        "folders",
    )
    data_dir: str | None = flags.images_of_run()
    zoo: str | None = flags.zoo()


def main(argv):
    """Predict with the arguments in `argv`; argv[0] is the program's name."""
    words, paths = split(argv)
    return command.answer(
        words, (PredictConfig,), USAGE, lambda given: _predict(given, paths)
    )


def split(argv):
    """(the program's name and its flags, the files and folders)."""
    values = {
        f"--{f.name}" for f in fields(PredictConfig) if f.type is not bool
    }
    words, paths, rest = argv[:1], [], iter(argv[1:])
    for word in rest:
        if word == "--":
            paths += rest
        elif word.startswith("-"):
            words.append(word)
            # As in `--model NAME`.
            words += [next(rest, "")] if word in values else []
        else:
            paths.append(word)
    return words, paths


def _predict(given, paths):
    config, found = resolve(given, paths)
    with command.quiet_start():
        from tfnas.predict import run
        from tfnas.zoo import source
    run.predict(source.of_config(config), config, found)


def resolve(given, paths):
    """The `PredictConfig` of {flag: value}, and the images at the paths.

    They are checked as far as files go, without TensorFlow.
    """
    config = command.made(PredictConfig, given)
    if bool(config.model) == bool(config.run):
        raise UserError("--model: give either it or --run")
    if config.csv and config.json:
        raise UserError("--json: leave out --csv")
    if not paths:
        raise UserError(
            "no image: give files or folders, as in python -m tfnas.predict "
            "--run=DIR photo.jpg"
        )
    command.refuse_unused(
        given,
        [
            (("zoo",), bool(config.run), "--run is not in a zoo"),
            (("data_dir",), bool(config.model), "--model needs no images"),
            (("top",), config.csv or config.json, "all classes are printed"),
        ],
    )
    if config.run and not Path(config.run).is_dir():
        raise UserError(f"--run={config.run}: no such folder")
    found = images.find(paths, _classes(config))
    if all(image.label is None for image in found):
        why = "no folder is named like a class of the network"
        command.refuse_unused(given, [(("sheet",), True, why)])
    elif not os.access(Path(config.sheet).absolute().parent, os.W_OK):
        raise UserError(f"--sheet={config.sheet}: its folder is not writable")
    return config, found


def _classes(config):
    if config.run:
        return read_run(config.run, "train").classes
    return zoo.entry(config.model, config.zoo).classes
