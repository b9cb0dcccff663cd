"""Drafts of entries, and their way into the zoo."""

import dataclasses
from typing import Any

from tfnas.build.card import render
from tfnas.cli.files import staged
from tfnas.genotype import Genotype, drawing
from tfnas.zoo import entries, index
from tfnas.zoo.genotypes import genotype_file, root
from tfnas.zoo.loading import entry_weights_file
from tfnas.zoo.schema import Entry


@dataclasses.dataclass(frozen=True, eq=False)
class Draft:
    """An entry that is not yet in the zoo.

    Attributes:
        entry: the `Entry`.
        genotype: its `Genotype`.
        text: the genotype's file.
        weights: the weights' file.
        model: the network on images in 0..255.
    """

    entry: Entry
    genotype: Genotype
    text: str
    weights: bytes
    model: Any


def card_file(name, zoo=None):
    """The card of an entry."""
    return root(zoo) / "cards" / f"{name}.md"


def picture_file(architecture, zoo=None):
    """The picture of a genotype's cells, which the cards show."""
    return genotype_file(architecture, zoo).with_suffix(".svg")


def known(zoo=None):
    """The existing entries; none in a folder that is not yet a zoo."""
    return entries(zoo) if (root(zoo) / "index.json").is_file() else []


def write(draft, zoo=None):
    """Put a draft's files in the given zoo or the project's own, index last.

    An entry of the same name is replaced.
    """
    entry = draft.entry
    picture = drawing.to_svg(draft.genotype, entry.architecture)
    files = {
        genotype_file(entry.architecture, zoo): draft.text.encode(),
        entry_weights_file(entry.name, zoo): draft.weights,
        picture_file(entry.architecture, zoo): picture.encode(),
        card_file(entry.name, zoo): render(entry, draft.genotype).encode(),
    }
    found = known(zoo)
    names = [other.name for other in found]
    if entry.name in names:
        found[names.index(entry.name)] = entry
    else:
        found.append(entry)
    for path, content in files.items():
        path.parent.mkdir(exist_ok=True)
        with staged(path) as aside:
            aside.write_bytes(content)
    index.write(found, zoo)
    print(
        f"{entry.name}: {100 * entry.accuracy:.2f} % of "
        f"{entry.test['images']} test images; in {root(zoo)}",
        flush=True,
    )
