"""A finished comparison, kept in the zoo."""

import csv
from pathlib import Path

from tfnas.cli.files import staged
from tfnas.errors import UserError
from tfnas.zoo import comparisons, entries, index
from tfnas.zoo.schema import NAME


def keep(config):
    """Copy a comparison's files into the zoo and its runs into the results.

    They get the name `name`, or the folder's. A folder that is not a
    comparison, or one without accuracies, raises `UserError`.
    """
    source = Path(config.comparison)
    name = config.name or source.name
    if not NAME.fullmatch(name):
        raise UserError(f"--name={name}: use letters, digits and . _ -")
    content = {
        ending: _read(source / file)
        for ending, file in comparisons.FILES.items()
    }
    _check(source / comparisons.FILES[".csv"])
    home = comparisons.folder(config.zoo)
    home.mkdir(exist_ok=True)
    for ending, data in content.items():
        with staged(home / f"{name}{ending}") as aside:
            aside.write_bytes(data)
    index.write(entries(config.zoo), config.zoo)
    print(f"{name}: in {home}")


def _read(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}; --comparison takes the --out of a "
            "finished tfnas.compare"
        ) from None


def _check(path):
    with open(path, newline="", encoding="utf-8") as file:
        runs = list(csv.DictReader(file))
    for run in runs:
        if not run["cifar10"] and not run["test_error_percent"]:
            raise UserError(
                f"{path}: {run['name']} has no accuracy; compare with --train "
                "or --nasbench201_table"
            )
