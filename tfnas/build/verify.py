"""Check the zoo against its index."""

from tfnas import zoo
from tfnas.build.card import render
from tfnas.build.drafts import card_file, picture_file
from tfnas.build.entries import TOLERANCE
from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.runs import recorded
from tfnas.search import SearchConfig
from tfnas.train import TrainConfig, resolve
from tfnas.zoo import index
from tfnas.zoo.genotypes import found_by, genotype_file, root
from tfnas.zoo.loading import entry_weights_file, genotype_of

# The whole zoo's size in bytes, as every wheel contains it.
LARGEST = 40_000_000


def verify(config):
    """Check every entry's files, counts, commands and card.

    With `accuracy` it measures the test accuracies again, with `model` it
    checks one entry. It prints all deviations, then raises `UserError`.
    """
    found = zoo.entries(config.zoo)
    problems = [] if config.model else list(_whole(found, config.zoo))
    if config.model:
        found = [entry for entry in found if entry.name == config.model]
    for entry in found:
        problems += _of_entry(entry, config.zoo)
    if config.accuracy and not problems:
        for entry in found:
            problems += _measured(entry, config)
    for line in problems:
        print(line)
    if problems:
        raise UserError(
            f"{root(config.zoo)}: faults found: {len(problems)}; restore "
            "the files, or build the entries again"
        )
    trained = sum(entry.weights is not None for entry in found)
    print(f"{len(found)} entries, {trained} with weights: all as recorded")


def _of_entry(entry, folder):
    """Yields a line for each fault of an entry."""
    for check in (_files, _counts, _command, _card):
        try:
            check(entry, folder)
        except UserError as error:
            yield f"{entry.name}: {error}"
            return


def _files(entry, folder):
    genotype_of(entry, folder)
    if entry.weights is not None:
        path = entry_weights_file(entry.name, folder)
        index.checked_bytes(path, entry.weights)


def _counts(entry, folder):
    genotype = genotype_of(entry, folder)
    counted = entry.cost(genotype)
    if found_by(genotype) != entry.method:
        raise UserError(
            f"method={entry.method}, but its genotype is of "
            f"{found_by(genotype)}"
        )
    for name in ("parameters", "multiply_adds"):
        if getattr(counted, name) != getattr(entry, name):
            raise UserError(
                f"{name}={getattr(entry, name)}, but {getattr(counted, name)} "
                "are counted"
            )


def _command(entry, folder):
    if entry.training is None:
        return
    given = recorded.parse(TrainConfig, entry.training["command"])
    given["genotype"] = str(genotype_file(entry.architecture, folder))
    _, recipe, _ = resolve(given)
    values = recipe.values()
    for name, value in entry.training["recipe"].items():
        if values.get(name) != value:
            raise UserError(
                f"its command gives {name}={values.get(name)}, the recipe "
                f"says {value}"
            )
    if entry.search is not None:
        recorded.parse(SearchConfig, entry.search["command"])


def _card(entry, folder):
    if entry.weights is None:
        return
    path = card_file(entry.name, folder)
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if text != render(entry, genotype_of(entry, folder)):
        raise UserError(f"{path}: differs from the card made from the index")
    picture = picture_file(entry.architecture, folder)
    if not picture.is_file():
        raise UserError(f"{picture}: is missing, and the card shows it")


def _whole(found, folder):
    """Yields a line for each fault of the zoo as a whole."""
    home = root(folder)
    results = home / "results.csv"
    text = results.read_text(encoding="utf-8") if results.is_file() else ""
    if text != index.results(found, folder):
        yield f"{results}: differs from the results made from the index"
    names = {
        name for entry in found for name in (entry.name, entry.architecture)
    }
    for files in ("weights/*", "cards/*", "genotypes/*.svg"):
        for path in sorted(home.glob(files)):
            if path.stem not in names:
                yield f"{path}: no entry has this file"
    size = sum(path.stat().st_size for path in home.rglob("*"))
    if size > LARGEST:
        yield f"{home}: has {size:,} bytes, more than {LARGEST:,}"


def _measured(entry, config):
    """Yields a line if a network's test accuracy differs from its card's."""
    if entry.weights is None:
        return
    with command.quiet_start():
        import tensorflow  # noqa: F401

        from tfnas import data
        from tfnas.build.accuracy import correct_images

    try:
        given = recorded.replay(
            TrainConfig, entry.training["command"], config.data_dir
        )
        dataset = data.load(
            given.get("dataset", "digits"),
            given.get("data_dir"),
            given.get("image_size"),
            entry.training["recipe"].get("augmentation", "cifar"),
            given.get("data_csv"),
            given.get("test_share"),
            given.get("seed", 0),
        )
    except UserError as error:
        print(f"{entry.name}: not measured; {error}", flush=True)
        return
    correct = correct_images(zoo.load(entry.name, zoo=config.zoo), dataset)
    accuracy = correct / len(dataset.test)
    print(
        f"{entry.name}: {100 * accuracy:.2f} %, recorded "
        f"{100 * entry.accuracy:.2f} %",
        flush=True,
    )
    if abs(accuracy - entry.accuracy) > TOLERANCE:
        yield (
            f"{entry.name}: {correct} of {len(dataset.test)} test images are "
            f"correct, the index says {entry.test['correct']} of "
            f"{entry.test['images']}"
        )
