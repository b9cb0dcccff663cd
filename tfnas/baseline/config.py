"""`python -m tfnas.baseline`: what a search without gradients finds."""

import dataclasses

from tfnas.baseline.titles import TITLES, UNTRAINED
from tfnas.choice import check_values, choice, fields
from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.runs import earlier, trials
from tfnas.spaces import names, sampling
from tfnas.train import Recipe, preset

# What an untrained network and the batch that it sees are made of.
_OF_NETWORK = ("channels", "cells", "stem", "batch_size", "augmentation")
_OF_NETWORK += ("halves",)

USAGE = """usage: python -m tfnas.baseline --name=NAME [--flag=value ...]

Searches without gradients: tries cells one after the other, keeps the best and
writes it, with a report, to a folder. Half of the training images train a
cell, the other half judges it, as in a search with gradients.
"""


@dataclasses.dataclass(frozen=True)
class BaselineConfig:
    """What a baseline is asked for, apart from the recipe of its trainings."""

    name: str = choice("random", "how cells are found", tuple(TITLES))
    space: str = choice("darts", "search space", names())
    preset: str = choice(
        "quick", "the recipe's values for the training of a cell"
    )
    dataset: str = choice(
        "digits",
        "digits, fashion_mnist, cifar10, cifar100, image_folder or a name "
        "of TensorFlow Datasets",
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
        None,
        "search with so many of the training images only, see --halves",
        least=2,
    )
    trials: int = choice(20, "cells to try", least=1)
    minutes: float = choice(
        0.0, "try no more after so many minutes of trials; 0 is any", least=0
    )
    population: int = choice(10, "cells alive in the evolution", least=2)
    sample: int = choice(
        3, "cells among which the evolution chooses a parent", least=1
    )
    seed: int = choice(0, "seed of the cells and of their trainings")
    out: str | None = choice(
        None, "folder to write, runs/NAME_DATASET_seedN by default"
    )
    resume: bool = choice(False, "go on with the run in --out")
    deterministic: bool = choice(
        True, "the same seed gives the same cell, bit for bit"
    )

    def decisive(self):
        """{flag: value} of the flags that decide what is found."""
        aside = ("out", "resume")
        return {k: v for k, v in vars(self).items() if k not in aside}


def main(argv):
    """Search as the arguments say.

    Args:
        argv: the program's name and its arguments.

    Raises:
        UserError: if an argument, the data or the folder cannot be used.
    """
    if command.asks_for_help(argv):
        print(_help(argv))
        return 0
    given = command.parse(argv, BaselineConfig, Recipe)
    config, values = resolve(given)
    trials.check_installed("name")
    # NumPy would double the time that --help takes.
    from tfnas.data import check_request
    from tfnas.runs.folder import Run

    check_request(
        config.dataset, config.data_dir, config.image_size, values.augmentation
    )
    wanted = {"config": config.decisive(), "recipe": values.values()}
    Run(config.out, wanted, config.resume).check()
    with command.quiet_start():
        from tfnas.baseline import run

    run.search(config, values, argv)
    return 0


def resolve(given):
    """Configuration and recipe from the flags given.

    Args:
        given: {flag: value}.

    Returns:
        (BaselineConfig, Recipe).

    Raises:
        UserError: for a value that cannot be.
    """
    typed, config = given, BaselineConfig(**command.part(given, BaselineConfig))
    if config.out is None:
        folder = f"runs/{config.name}_{config.dataset}_seed{config.seed}"
        config = dataclasses.replace(config, out=folder)
    kept = earlier.kept(config.out, given, "config", "recipe")
    given = {**kept, **given, "out": config.out}
    config = BaselineConfig(**command.part(given, BaselineConfig))
    check_values(config)
    if config.sample > config.population:
        raise UserError(
            f"--sample={config.sample}: is more than "
            f"--population={config.population}"
        )
    if not 0 <= config.seed < 2**31:
        raise UserError(f"--seed={config.seed}: use 0 to {2**31 - 1}")
    if config.name == "weight_sharing" and config.space == "mobile":
        raise UserError(
            "--name=weight_sharing: has no supernet of --space=mobile; use "
            "--space=darts or --space=nasbench201"
        )
    # An older run may have begun with more; --resume compares all values.
    if not config.resume:
        command.refuse_unused(typed, unused(config.name))
    values = preset(config.preset).with_flags(command.part(given, Recipe))
    return config, values.for_space(config.space, typed)


def unused(name):
    """Flags that nothing would read beside a `--name`.

    Args:
        name: one of `TITLES`.

    Yields:
        (flags, unused, why), as `command.refuse_unused` takes them.
    """
    yield (
        ("population", "sample"),
        name != "evolution",
        f"--name={name} has no population",
    )
    yield (
        ("auxiliary", "drop_path"),
        name == "weight_sharing",
        f"--name={name} trains a supernet, which has none",
    )
    yield (
        tuple(f.name for f in fields(Recipe) if f.name not in _OF_NETWORK),
        name in UNTRAINED,
        f"--name={name} trains no network",
    )
    yield (
        ("batch_size", "train_images", "halves"),
        name == "synflow",
        f"--name={name} looks at no image",
    )


def _help(argv):
    """The help, with the values that hold beside the other arguments."""
    others = command.without_help(argv)
    config, values = resolve(command.parse(others, BaselineConfig, Recipe))
    size = len(sampling.choices(config.space))
    lines = [USAGE]
    lines += [f"{name}: {title}" for name, title in TITLES.items()]
    lines += ["", f"space {config.space}: {size} choices", "", "run:"]
    lines += command.help_lines(config)
    untrained = " (of the network alone)" if config.name in UNTRAINED else ""
    lines += ["", f"recipe, --preset={config.preset}{untrained}", ""]
    lines += command.help_lines(values)
    return "\n".join(lines)
