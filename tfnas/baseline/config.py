"""`python -m tfnas.baseline`: its flags, and the start of its work."""

import dataclasses

from tfnas import spaces, zoo
from tfnas.baseline.titles import TITLES, UNTRAINED
from tfnas.choice import choice, fields
from tfnas.cli import command, flags
from tfnas.data.names import DATASETS
from tfnas.errors import UserError
from tfnas.runs import earlier, kept_images, naming, trials
from tfnas.train import Recipe

# The recipe's values for an untrained network and its batch.
_OF_NETWORK = ("channels", "cells", "stem", "batch_size", "augmentation")
_OF_NETWORK += ("halves",)

USAGE = """usage: python -m tfnas.baseline --name=NAME [--flag=value ...]

Searches without gradients: tries cells one after the other, keeps the best and
writes it, with a report, to a folder. Half of the training images train a
cell, the other half judges it, as in a search with gradients.
"""


@dataclasses.dataclass(frozen=True)
class BaselineConfig:
    """The flags of a baseline, besides the recipe of its trainings."""

    VALUES = Recipe
    BARE = {"name": lambda: TITLES, "dataset": lambda: DATASETS}

    name: str = choice("random", "search method", tuple(TITLES))
    space: str = choice("darts", "search space", spaces.names())
    preset: str = choice("quick", "recipe of a cell's training")
    dataset: str = flags.dataset()
    dataset_name: str | None = flags.dataset_name()
    data_dir: str | None = flags.data_dir()
    image_size: int | None = flags.image_size()
    data_csv: str | None = flags.data_csv()
    test_share: float | None = flags.test_share()
    skip_damaged: bool = flags.skip_damaged()
    train_images: int | None = flags.train_images("search")
    trials: int = choice(20, "number of cells to try", least=1)
    minutes: float = choice(
        0.0,
        "start no trial after so many minutes of trials; 0 sets no limit",
        least=0,
    )
    like: str | None = choice(
        None,
        "genotype of equal cost: try only cells whose multiply-adds differ "
        "from its by at most 15 %",
    )
    population: int = choice(10, "cells in the evolution's population", least=2)
    sample: int = choice(
        3, "cells from which the evolution picks a parent", least=1
    )
    seed: int = flags.seed("the cells and of their trainings")
    out: str | None = flags.out("runs/NAME_DATASET_seedN")
    resume: bool = flags.resume()
    deterministic: bool = flags.deterministic("cell")

    def decisive(self, recipe):
        """All that decides the result, JSON-ready.

        Args:
            recipe: the `Recipe`.
        """
        found = flags.decisive(self)
        # Older runs do not know it; they can go on.
        if self.like is None:
            del found["like"]
        return {"config": found, "recipe": recipe.values()}


def main(argv):
    """Search with the flags in `argv`; argv[0] is the program's name."""
    configs = (BaselineConfig, Recipe)
    return command.answer(
        argv, configs, USAGE, lambda given: _search(given, argv), _shown
    )


def _search(given, argv):
    config, values = resolve(given)
    trials.check_installed("name")
    # NumPy would double the time that --help takes.
    from tfnas.data import check_request
    from tfnas.runs.folder import Folder

    check_request(**kept_images.asked(config), augmentation=values.augmentation)
    Folder(config.out, config.decisive(values), config.resume).check()
    with command.quiet_start():
        from tfnas.baseline import run

    run.search(config, values, argv)


def resolve(given):
    """(BaselineConfig, Recipe) of {flag: value}."""
    typed = given = naming.named(given)
    config = command.made(BaselineConfig, given)
    out = config.out or naming.folder(
        lambda data: f"runs/{config.name}_{data}_seed{config.seed}",
        config,
        config.resume,
    )
    kept = earlier.kept(out, given, "config", "recipe")
    given = {**kept, **given, "out": out}
    config = command.made(BaselineConfig, given)
    if config.sample > config.population:
        raise UserError(
            f"--sample={config.sample}: is more than "
            f"--population={config.population}"
        )
    config = dataclasses.replace(config, like=_like(config))
    if config.name == "weight_sharing":
        spaces.get(config.space).check("share weights")
    # An older run may have more; --resume compares all values.
    if not config.resume:
        command.refuse_unused(typed, unused(config.name))
    values = Recipe.preset(config.preset)
    values = values.typed_over(command.part(given, Recipe))
    return config, values.for_space(config.space, typed)


def _like(config):
    """The JSON text of --like, so that its file may move; None without it."""
    if config.like is None:
        return None
    genotype = zoo.genotype(config.like)
    if genotype.space != config.space:
        raise UserError(
            f"--like={config.like}: is of space {genotype.space}, the cells "
            f"to try are of {config.space}; set --space={genotype.space}"
        )
    return dataclasses.replace(genotype, provenance={}).to_json()


def unused(name):
    """Yields the flags that a `--name` does not read, for `refuse_unused`."""
    yield (
        ("population", "sample"),
        name != "evolution",
        f"--name={name} has no population",
    )
    yield (
        ("auxiliary", "drop_path", "average_weights", "whitening", "sizes"),
        name == "weight_sharing",
        f"--name={name} trains a supernet, which has none",
    )
    yield ("test_views",), True, "a baseline tests no network"
    yield (
        tuple(f.name for f in fields(Recipe) if f.name not in _OF_NETWORK),
        name in UNTRAINED,
        f"--name={name} trains no network",
    )
    yield (
        ("batch_size", "train_images", "halves"),
        name == "synflow",
        f"--name={name} reads no images",
    )


def _shown(given):
    """The lines of the help, with defaults that depend on other flags."""
    config, values = resolve(given)
    size = len(spaces.get(config.space).choices())
    untrained = " (of the network alone)" if config.name in UNTRAINED else ""
    return [
        *(f"{name}: {title}" for name, title in TITLES.items()),
        "",
        f"space {config.space}: {size} choices",
        "",
        "run:",
        *command.help_lines(config),
        "",
        f"recipe, --preset={config.preset}{untrained}",
        "",
        *command.help_lines(values),
    ]
