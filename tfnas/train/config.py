"""`python -m tfnas.train`: its flags, and the start of its work."""

import dataclasses
from pathlib import Path

from tfnas import zoo
from tfnas.choice import choice
from tfnas.cli import command, flags
from tfnas.data.names import DATASETS
from tfnas.devices.cluster import check_placing
from tfnas.errors import UserError
from tfnas.genotype.format import is_text
from tfnas.runs import earlier, kept_images, naming, trials
from tfnas.runs.contents import GENOTYPE
from tfnas.train import tune
from tfnas.train.recipe import PRESETS, Recipe

USAGE = """usage: python -m tfnas.train --genotype=NAME [--flag=value ...]

Trains the network of a genotype and writes its weights, with a report.
"""


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The flags of a training, besides its recipe's values."""

    VALUES = Recipe
    BARE = {"genotype": zoo.names, "dataset": lambda: DATASETS}

    genotype: str | None = choice(
        None,
        "genotype to train: a file, its text, a run's folder or a name of "
        "the zoo",
    )
    preset: str = choice(
        "quick",
        "values of the recipe: quick for digits, small and fast for 32-pixel "
        "images on a CPU, paper and imagenet for the authors'",
    )
    dataset: str = flags.dataset(
        "; by default the data of the run that --genotype or --weights names"
    )
    dataset_name: str | None = flags.dataset_name()
    data_dir: str | None = flags.data_dir()
    image_size: int | None = flags.image_size()
    data_csv: str | None = flags.data_csv()
    test_share: float | None = flags.test_share()
    skip_damaged: bool = flags.skip_damaged()
    train_images: int | None = flags.train_images("train")
    class_weights: str = flags.class_weights()
    valid_images: int = choice(
        0,
        "training images held out to select the best weights, see --halves; 0 "
        "takes the last epoch's, as the authors do",
        least=0,
    )
    weights: str | None = choice(
        None,
        "weights to start from: a .safetensors file, a run's folder or a name "
        "of the zoo",
    )
    mixed_precision: bool = choice(
        False, "compute in bfloat16 and keep the weights in float32"
    )
    tune: int = flags.tune("learning rate, weight decay and drop path")
    seed: int = flags.seed("initial values, order, augmentation and drop path")
    out: str | None = flags.out("runs/GENOTYPE_DATASET_trained_seedN")
    resume: bool = flags.resume()
    devices: str = flags.devices()
    force: bool = flags.force()
    checkpoint_minutes: float = flags.checkpoint_minutes()
    deterministic: bool = flags.deterministic("weights")

    def decisive(self, values, genotype):
        """All that decides the weights, JSON-ready.

        It includes the genotype, so its file may move.

        Args:
            values: the `Recipe`.
            genotype: the `Genotype`.
        """
        return {
            "config": flags.decisive(self),
            "recipe": values.values(),
            "genotype": genotype.to_dict(),
        }


def main(argv):
    """Train with the flags in `argv`; argv[0] is the program's name."""
    configs = (TrainConfig, Recipe)
    return command.answer(
        argv, configs, USAGE, lambda given: _train(given, argv), _shown
    )


def _train(given, argv):
    config, values, genotype = ready(given)
    given = naming.named(given)
    note = earlier.data_note(_data(given)[0], given)
    if note and not config.resume:
        print(note, flush=True)
    # TensorFlow starts here, after all arguments and the folder were checked.
    with command.quiet_start():
        from tfnas.train import run

    if config.tune:
        kept = earlier.kept(config.out, given, "config", "recipe")
        tune.tune_training(config, values, genotype, {**kept, **given})
    else:
        run.train(config, values, genotype, argv)


def ready(given, dataset=None):
    """Like `resolve`, but also checks data, devices and folder.

    `dataset` is a `Dataset` in place of the flags' data.
    """
    config, values, genotype = resolve(given)
    # NumPy would double the time that --help takes.
    from tfnas.data import check_request
    from tfnas.runs.folder import Folder

    if dataset is None:
        check_request(
            **kept_images.asked(config), augmentation=values.augmentation
        )
    if config.weights is not None:
        zoo.check_weights(config.weights)
    if config.tune:
        tune.training_ranges(values, genotype.space)
        trials.check_installed()
    wanted = config.decisive(values, genotype)
    if check_placing(config, values.batch_size):
        Folder(config.out, wanted, config.resume).check()
    return config, values, genotype


def resolve(given):
    """(TrainConfig, Recipe, Genotype) of {flag: value}, over the preset.

    By default the data are those of the genotype's run, or the weights'; a
    resumed training keeps its own values.
    """
    config, values = _values(given)
    genotype = _genotype(config)
    values = values.for_space(genotype.space, given)
    return config, values.for_start(given), genotype


def _values(given):
    given = naming.named(given)
    _, data = _data(given)
    config = command.made(TrainConfig, {**data, **given})
    out = config.out or _folder(config)
    kept = earlier.kept(out, given, "config", "recipe")
    given = {**data, **kept, **given, "out": out}
    config = command.made(TrainConfig, given)
    values = Recipe.preset(config.preset)
    values = values.typed_over(command.part(given, Recipe))
    if values.mixup and config.class_weights != "none":
        raise UserError(
            f"--class_weights={config.class_weights}: --mixup={values.mixup} "
            "gives an image two classes; drop one of them"
        )
    return config, values


def _data(given):
    """The run of the genotype or the weights, and its data as flags."""
    for flag in ("genotype", "weights"):
        data = earlier.data_of(given.get(flag), given)
        if data:
            return given[flag], data
    return None, {}


def _folder(config):
    """The default folder of a training; None without a genotype."""
    if config.genotype is None:
        return None
    path = Path("text" if is_text(config.genotype) else config.genotype)
    name = path.parent.name if path.name == GENOTYPE else path.stem
    done = "tuned" if config.tune else "trained"
    end = f"{done}_seed{config.seed}"
    return naming.folder(
        lambda data: f"runs/{name}_{data}_{end}", config, config.resume
    )


def _genotype(config):
    """The genotype asked for, or the resumed run's."""
    if config.genotype is not None:
        return zoo.genotype(config.genotype)
    if config.resume and config.out:
        return zoo.genotype(config.out)
    raise UserError(
        "--genotype: missing; give a file, a run's folder or one of the "
        "names that --help lists"
    )


def _shown(given):
    """The lines of the help, with defaults that depend on other flags."""
    config, values = _values(given)
    return [
        f"genotypes: {', '.join(zoo.names())}",
        "",
        "run:",
        *command.help_lines(config),
        "",
        f"recipe, --preset={config.preset}",
        f"presets: {', '.join(PRESETS)}",
        "",
        *command.help_lines(values),
    ]
