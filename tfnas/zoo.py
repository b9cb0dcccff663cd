"""The zoo's genotypes by name: published ones, and ours."""

import difflib
from pathlib import Path

from tfnas.errors import UserError
from tfnas.genotype import Genotype

FOLDERS = ("published", "genotypes")


def names():
    """The names that `genotype` knows, in order.

    Example: `"DARTS_V2" in names()`.
    """
    return sorted(_files())


def genotype(name):
    """A genotype by its name in the zoo, its file, or a run's folder.

    Args:
        name: a name of `names()`, a JSON file, or a folder of `tfnas.search`
            or `tfnas.train`.

    Returns:
        A `Genotype`.

    Raises:
        UserError: if there is none of that name, or it is not legal.

    Example: `genotype("PDARTS").normal.edges[0].op`.
    """
    path = Path(name)
    if path.is_dir():
        path = path / "genotype.json"
    if path.is_file() or path.suffix == ".json":
        return Genotype.from_json(path)
    files = _files()
    if name in files:
        return Genotype.from_json(files[name])
    by_letters = {known.lower(): known for known in files}
    close = difflib.get_close_matches(name.lower(), by_letters, 1)
    hint = f"did you mean {by_letters[close[0]]}?" if close else "see --help"
    raise UserError(f"--genotype={name}: no such file, nor in the zoo; {hint}")


def _files():
    return {
        path.stem: path
        for folder in FOLDERS
        for path in (_root() / folder).glob("*.json")
    }


def _root():
    """Where the zoo is: in the installed package, or beside it."""
    packed = Path(__file__).with_name("_zoo")
    return packed if packed.is_dir() else Path(__file__).parents[1] / "zoo"
