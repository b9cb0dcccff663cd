"""`python -m tfnas.train`: from a genotype to weights."""

import dataclasses
from pathlib import Path

from tfnas import zoo
from tfnas.choice import choice
from tfnas.cli import command
from tfnas.devices.cluster import check_placing
from tfnas.errors import UserError
from tfnas.runs import earlier, trials
from tfnas.train import recipe, tune
from tfnas.train.recipe import Recipe

USAGE = """usage: python -m tfnas.train --genotype=NAME [--flag=value ...]

Trains the network of a genotype and writes its weights, with a report.
"""


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """What a training is asked for, apart from its recipe's values."""

    genotype: str | None = choice(
        None, "a genotype's file, a run's folder, or a name of the zoo"
    )
    preset: str = choice(
        "quick",
        "the recipe's values: quick for digits, small for 32-pixel images on "
        "a CPU, paper and imagenet for the authors'",
    )
    dataset: str = choice(
        "digits",
        "digits, fashion_mnist, cifar10, cifar100, image_folder or a name "
        "of TensorFlow Datasets; by default the data of the run that "
        "--genotype or --weights names",
    )
    data_dir: str | None = choice(
        None,
        "folder of the data: DIR/train/CLASS/*, DIR/test/CLASS/* for "
        "image_folder",
    )
    image_size: int | None = choice(
        None, "crop and resize the images to this height and width"
    )
    train_images: int | None = choice(
        None, "train with so many of the training images only, see --halves"
    )
    valid_images: int = choice(
        0,
        "training images held out to choose the best weights, see --halves; 0 "
        "takes the last epoch's, as the authors do",
        least=0,
    )
    weights: str | None = choice(
        None,
        "start from these weights: a .safetensors file, a run's folder or a "
        "name of the zoo",
    )
    mixed_precision: bool = choice(
        False, "compute in bfloat16, keep the weights in float32"
    )
    tune: int = choice(
        0,
        "tune learning rate, weight decay and drop path with so many trials "
        "of KerasTuner, then say what to type next; 0 does not",
        least=0,
    )
    seed: int = choice(
        0, "seed of initial values, order, augmentation and drop path"
    )
    out: str | None = choice(
        None, "folder to write, runs/GENOTYPE_DATASET_trained_seedN by default"
    )
    resume: bool = choice(False, "go on with the run in --out")
    devices: str = choice(
        "auto",
        "auto takes all GPUs, or the CPU; cpu:N and gpu:N share a batch among "
        "N of them",
    )
    checkpoint_minutes: float = choice(
        10.0, "minutes between checkpoints inside an epoch", least=0
    )
    deterministic: bool = choice(
        True, "the same seed gives the same weights, bit for bit"
    )

    def decisive(self, values, genotype):
        """All that decides the weights, JSON-ready.

        The genotype itself is there, so its file may move.

        Args:
            values: the `Recipe`.
            genotype: the `Genotype`.
        """
        aside = ("genotype", "out", "resume", "tune")
        aside += ("devices", "checkpoint_minutes")
        return {
            "config": {k: v for k, v in vars(self).items() if k not in aside},
            "recipe": values.values(),
            "genotype": genotype.to_dict(),
        }


def main(argv):
    """Train as the arguments say.

    Args:
        argv: the program's name and its arguments.

    Raises:
        UserError: if an argument, the data or the folder cannot be used.
    """
    if command.asks_for_help(argv):
        print(_help(argv))
        return 0
    given = command.parse(argv, TrainConfig, Recipe)
    config, values, genotype = resolve(given)
    # NumPy would double the time that --help takes.
    from tfnas.data import check_request
    from tfnas.runs.folder import Run

    check_request(
        config.dataset, config.data_dir, config.image_size, values.augmentation
    )
    if config.tune:
        tune.training_ranges(values, genotype.space)
        trials.check_installed()
    wanted = config.decisive(values, genotype)
    if check_placing(config, values.batch_size):
        Run(config.out, wanted, config.resume).check()
    note = earlier.data_note(_data(given)[0], given)
    if note and not config.resume:
        print(note, flush=True)
    # TensorFlow starts here, after every argument and the folder were found to
    # be right.
    with command.quiet_start():
        from tfnas.train import run

    if config.tune:
        kept = earlier.kept(config.out, given, "config", "recipe")
        tune.tune_training(config, values, genotype, {**kept, **given})
    else:
        run.train(config, values, genotype, argv)
    return 0


def resolve(given):
    """Configuration, recipe and genotype from the flags given.

    Args:
        given: {flag: value}.

    Returns:
        (TrainConfig, Recipe, Genotype): the preset's values with the given
        flags put over them. The data are those of the run that the genotype
        is from, or the weights, unless other ones are given; a training that
        goes on keeps its own values.

    Raises:
        UserError: for a value that cannot be.
    """
    config, values = _values(given)
    genotype = _genotype(config)
    return config, values.for_space(genotype.space, given), genotype


def _values(given):
    _, data = _data(given)
    config = TrainConfig(**command.part({**data, **given}, TrainConfig))
    out = config.out or _folder(config)
    kept = earlier.kept(out, given, "config", "recipe")
    given = {**data, **kept, **given, "out": out}
    config = TrainConfig(**command.part(given, TrainConfig))
    values = recipe.preset(config.preset).with_flags(
        command.part(given, Recipe)
    )
    for name, least in (("train_images", 2), ("valid_images", 0), ("tune", 0)):
        value = getattr(config, name)
        if value is not None and value < least:
            raise UserError(f"--{name}={value}: use {least} or more")
    if not 0 <= config.seed < 2**31:
        raise UserError(f"--seed={config.seed}: use 0 to {2**31 - 1}")
    return config, values


def _data(given):
    """The run whose genotype or weights are taken, and its data as flags."""
    for flag in ("genotype", "weights"):
        data = earlier.data_of(given.get(flag), given)
        if data:
            return given[flag], data
    return None, {}


def _folder(config):
    """Where a training goes that was not told where; None without genotype."""
    if config.genotype is None:
        return None
    path = Path(config.genotype)
    name = path.parent.name if path.stem == "genotype" else path.stem
    done = "tuned" if config.tune else "trained"
    return f"runs/{name}_{config.dataset}_{done}_seed{config.seed}"


def _genotype(config):
    """The genotype asked for, or that of the run that goes on."""
    if config.genotype is not None:
        return zoo.genotype(config.genotype)
    if config.resume and config.out:
        return zoo.genotype(config.out)
    raise UserError(
        "--genotype: missing; give a file, a run's folder or one of the "
        "names that --help lists"
    )


def _help(argv):
    """The help, with the values that hold beside the other arguments."""
    others = command.without_help(argv)
    config, values = _values(command.parse(others, TrainConfig, Recipe))
    lines = [USAGE, f"genotypes: {', '.join(zoo.names())}", "", "run:"]
    lines += command.help_lines(config)
    lines += [
        "",
        f"recipe, --preset={config.preset}",
        f"presets: {', '.join(recipe.PRESETS)}",
        "",
    ]
    lines += command.help_lines(values)
    return "\n".join(lines)
