"""`python -m tfnas.search`: its flags, and the start of its work."""

import dataclasses

from tfnas import methods, zoo
from tfnas.choice import choice
from tfnas.cli import command, flags
from tfnas.data.names import DATASETS
from tfnas.devices.cluster import check_placing
from tfnas.errors import UserError
from tfnas.methods.method import Method
from tfnas.methods.rules import unused
from tfnas.runs import earlier, kept_images, naming, selection, trials
from tfnas.search import tune

USAGE = """usage: python -m tfnas.search [--method=NAME] [--flag=value ...]

Searches for an architecture and writes it, with a report, to a folder.
"""


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """The flags of a search, besides its method's values."""

    VALUES = Method
    BARE = {"method": methods.names, "dataset": lambda: DATASETS}

    method: str = choice("darts", "search method; it sets the defaults below")
    preset: str = choice(
        "quick", "values of the method: quick for a CPU, paper for the authors'"
    )
    dataset: str = flags.dataset()
    dataset_name: str | None = flags.dataset_name()
    data_dir: str | None = flags.data_dir()
    image_size: int | None = flags.image_size()
    data_csv: str | None = flags.data_csv()
    test_share: float | None = flags.test_share()
    skip_damaged: bool = flags.skip_damaged()
    train_images: int | None = flags.train_images("search")
    class_weights: str = flags.class_weights()
    tune: int = flags.tune("Fair DARTS's threshold or P-DARTS's skip dropout")
    tune_epochs: int = choice(
        10, "epochs of the training that judges a cell in --tune", least=2
    )
    select: str = choice(
        "last",
        "epoch whose cell is taken: the last, the best by a proxy, or "
        "RobustDARTS's, which stops the search early",
        selection.RULES,
    )
    seed: int = flags.seed("initial values, order and augmentation")
    out: str | None = flags.out("runs/METHOD_DATASET_seedN")
    resume: bool = flags.resume()
    tensorboard: bool = choice(False, "write logs for TensorBoard to --out")
    devices: str = flags.devices()
    force: bool = flags.force()
    checkpoint_minutes: float = flags.checkpoint_minutes()
    deterministic: bool = flags.deterministic("genotype")

    def decisive(self, method):
        """All that decides a search's result, JSON-ready.

        Args:
            method: the `Method`.
        """
        config = flags.decisive(self)
        # Older runs had no rule and took the last epoch; they can resume.
        if self.select == "last":
            del config["select"]
        return {"config": config, "method": method.values()}


def main(argv):
    """Search with the flags in `argv`; argv[0] is the program's name."""
    configs = (SearchConfig, Method)
    return command.answer(
        argv, configs, USAGE, lambda given: _search(given, argv), _shown
    )


def _search(given, argv):
    config, method = ready(given)
    # TensorFlow starts here, after all arguments and the folder were checked.
    with command.quiet_start():
        from tfnas.search import run

    if config.tune:
        kept = earlier.kept(config.out, given, "config", "method")
        tune.tune_search(config, method, {**kept, **given})
    else:
        run.search(config, method, argv)


def ready(given, dataset=None):
    """Like `resolve`, but also checks data, devices and folder.

    `dataset` is a `Dataset` in place of the flags' data.
    """
    config, method = resolve(given)
    # NumPy would double the time that --help takes.
    from tfnas.data import check_request
    from tfnas.runs.folder import Folder

    if dataset is None:
        check_request(
            **kept_images.asked(config), augmentation=method.augmentation
        )
    if config.tune:
        tune.search_ranges(method)
        trials.check_installed()
    if check_placing(config, method.batch_size):
        Folder(config.out, config.decisive(method), config.resume).check()
    return config, method


def resolve(given):
    """(SearchConfig, Method) of {flag: value}, over the method's preset.

    A resumed search keeps its own values.
    """
    given = naming.named(given)
    config = command.made(SearchConfig, given)
    end = f"{'_tuned' * bool(config.tune)}_seed{config.seed}"
    out = config.out or naming.folder(
        lambda data: f"runs/{config.method}_{data}{end}", config, config.resume
    )
    kept = earlier.kept(out, given, "config", "method")
    given = {**kept, **given, "out": out}
    config = command.made(SearchConfig, given)
    if config.method in zoo.names():
        raise UserError(
            f"--method={config.method}: a cell, not a method; train it with "
            f"tfnas train --genotype={config.method}"
        )
    method = methods.get(config.method).with_preset(config.preset)
    method = method.typed_over(command.part(given, Method))
    command.refuse_unused(
        given, [(("tune_epochs",), not config.tune, "--tune=0 makes no trials")]
    )
    # An older run may have more; --resume compares all values.
    if not config.resume:
        command.refuse_unused(given, unused(method))
    selection.check(config.select, method, config.tune)
    return config, method


def _shown(given):
    """The lines of the help, with defaults that depend on other flags."""
    config, method = resolve(given)
    return [
        f"methods: {', '.join(methods.names())}",
        "",
        "run:",
        *command.help_lines(config),
        "",
        f"{method.title} ({method.paper}), --preset={config.preset}",
        f"presets: {', '.join(method.presets)}",
        "",
        *command.help_lines(method),
    ]
