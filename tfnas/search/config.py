"""`python -m tfnas.search`: from images to a genotype."""

import dataclasses

from tfnas import methods, selection
from tfnas.choice import check_values, choice
from tfnas.cli import command
from tfnas.devices.cluster import check_placing
from tfnas.errors import UserError
from tfnas.methods.method import Method
from tfnas.methods.rules import unused
from tfnas.runs import earlier, trials
from tfnas.search import tune

USAGE = """usage: python -m tfnas.search [--method=NAME] [--flag=value ...]

Searches an architecture and writes it, with a report, to a folder.
"""


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """What a search is asked for, apart from its method's own values."""

    method: str = choice("darts", "search method; all values below are its own")
    preset: str = choice(
        "quick", "the method's values: quick for a CPU, paper for the authors'"
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
        None, "search with so many of the training images only, see --halves"
    )
    tune: int = choice(
        0,
        "tune Fair DARTS's threshold or P-DARTS's skip dropout with so many "
        "trials of KerasTuner, then say what to type next; 0 does not",
        least=0,
    )
    tune_epochs: int = choice(
        10,
        "epochs of the training that judges a cell for --tune",
        least=2,
    )
    select: str = choice(
        "last",
        "whose cell is taken: the last epoch's, the one that a proxy finds "
        "best, or RobustDARTS's, which stops the search",
        selection.RULES,
    )
    seed: int = choice(0, "seed of initial values, order and augmentation")
    out: str | None = choice(
        None, "folder to write, runs/METHOD_DATASET_seedN by default"
    )
    resume: bool = choice(False, "go on with the run in --out")
    tensorboard: bool = choice(False, "write logs for TensorBoard to --out")
    devices: str = choice(
        "auto",
        "auto takes all GPUs, or the CPU; cpu:N and gpu:N share a batch among "
        "N of them",
    )
    checkpoint_minutes: float = choice(
        10.0, "minutes between checkpoints inside an epoch", least=0
    )
    deterministic: bool = choice(
        True, "the same seed gives the same genotype, bit for bit"
    )

    def decisive(self):
        """{flag: value} of the flags that decide what a search finds."""
        aside = ("out", "resume", "tensorboard", "tune", "tune_epochs")
        aside += ("devices", "checkpoint_minutes")
        # Older runs know no rule and took the last epoch; they can go on.
        aside += ("select",) if self.select == "last" else ()
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
    given = command.parse(argv, SearchConfig, Method)
    config, method = resolve(given)
    # NumPy would double the time that --help takes.
    from tfnas.data import check_request
    from tfnas.runs.folder import Run

    check_request(
        config.dataset, config.data_dir, config.image_size, method.augmentation
    )
    if config.tune:
        tune.search_ranges(method)
        trials.check_installed()
    values = {"config": config.decisive(), "method": method.values()}
    if check_placing(config, method.batch_size):
        Run(config.out, values, config.resume).check()
    # TensorFlow starts here, after every argument and the folder were found to
    # be right.
    with command.quiet_start():
        from tfnas.search import run

    if config.tune:
        kept = earlier.kept(config.out, given, "config", "method")
        tune.tune_search(config, method, {**kept, **given})
    else:
        run.search(config, method, argv)
    return 0


def resolve(given):
    """The configuration and the method of a search from the flags given.

    Args:
        given: {flag: value}.

    Returns:
        (SearchConfig, Method): the method's values with its preset and the
        given flags put over them; those of the run itself if it goes on.

    Raises:
        UserError: for a value that cannot be, or a flag that nothing reads
            beside the others.
    """
    config = SearchConfig(**command.part(given, SearchConfig))
    if config.out is None:
        done = "tuned_" if config.tune else ""
        folder = (
            f"runs/{config.method}_{config.dataset}_{done}seed{config.seed}"
        )
        config = dataclasses.replace(config, out=folder)
    kept = earlier.kept(config.out, given, "config", "method")
    given = {**kept, **given, "out": config.out}
    config = SearchConfig(**command.part(given, SearchConfig))
    method = methods.get(config.method).with_preset(config.preset)
    method = method.with_flags(command.part(given, Method))
    check_values(config)
    command.refuse_unused(
        given, [(("tune_epochs",), not config.tune, "--tune=0 makes no trials")]
    )
    # An older run may have begun with more; --resume compares all values.
    if not config.resume:
        command.refuse_unused(given, unused(method))
    selection.check(config.select, method, config.tune)
    if not 0 <= config.seed < 2**31:
        raise UserError(f"--seed={config.seed}: use 0 to {2**31 - 1}")
    return config, method


def _help(argv):
    """The help, with the values that hold beside the other arguments."""
    others = command.without_help(argv)
    config, method = resolve(command.parse(others, SearchConfig, Method))
    lines = [USAGE, f"methods: {', '.join(methods.names())}", "", "run:"]
    lines += command.help_lines(config)
    lines += [
        "",
        f"{method.title} ({method.paper}), --preset={config.preset}",
        f"presets: {', '.join(method.presets)}",
        "",
    ]
    lines += command.help_lines(method)
    return "\n".join(lines)
