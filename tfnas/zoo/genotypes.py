"""The zoo's genotypes by name: published ones and ours."""

from pathlib import Path

from tfnas.errors import UserError, nearest
from tfnas.genotype import Genotype
from tfnas.genotype.format import is_text
from tfnas.runs.contents import GENOTYPE

# Folders of genotypes, and the one for new ones.
FOLDERS = ("published", "genotypes")


def root(folder=None):
    """The zoo's folder: the one given, the installed one, or the checkout's.

    Raises:
        UserError: if the given folder does not exist.
    """
    if folder is not None:
        if not Path(folder).is_dir():
            raise UserError(f"{folder}: no such folder; give a zoo's folder")
        return Path(folder)
    packed = Path(__file__).parents[1] / "_zoo"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "zoo"


def names(folder=None):
    """The names of genotypes that `genotype` knows, in order.

    Args:
        folder: the zoo's folder, or None for the project's own.
    """
    return sorted(_files(folder))


def genotype(name, folder=None):
    """A genotype by its name in the zoo, its file, or a run's folder.

    Args:
        name: a name of `names()` or of a network of the zoo, a file, a folder
            of `tfnas.search` or `tfnas.train`, or a genotype's text.
        folder: the zoo's folder, or None for the project's own.

    Returns:
        A `Genotype`.

    Raises:
        UserError: if there is no genotype of that name, or it is not legal.

    Example: `genotype("PDARTS").normal.edges[0].op`.
    """
    if is_text(name):
        try:
            return Genotype.from_json(name)
        except UserError as error:
            shown = f"{name[:60]}..." if len(name) > 60 else name
            raise UserError(f"--genotype={shown}: {error}") from None
    path = Path(name)
    if path.is_dir():
        path = path / GENOTYPE
    if path.is_file() or path.suffix == ".json":
        return Genotype.from_json(path)
    files = _files(folder)
    # The part of a network's name after the dot says how it was trained.
    known = files.get(name) or files.get(name.partition(".")[0])
    if known is not None:
        return Genotype.from_json(known)
    hint = nearest(name, files, "see --help")
    raise UserError(f"--genotype={name}: neither a file nor in the zoo; {hint}")


def found_by(genotype):
    """The method that found a genotype, for names and tables.

    Returns:
        The method's name, with "_att" if attentions were searched as well, or
        None if the file does not say.
    """
    method = genotype.provenance.get("method")
    attended = any(
        part.attention
        for cell in genotype.cells.values()
        for part in (cell, *cell.edges)
    )
    if method in (None, "att_darts") or not attended:
        return method
    return f"{method}_att"


def genotype_file(name, folder=None):
    """The file of a genotype of the zoo, existing or new."""
    new = root(folder) / FOLDERS[-1] / f"{name}.json"
    return _files(folder).get(name, new)


def _files(folder):
    return {
        path.stem: path
        for part in FOLDERS
        for path in (root(folder) / part).glob("*.json")
    }
