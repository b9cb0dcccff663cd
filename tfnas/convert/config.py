"""`python -m tfnas.convert`: its flags, and the start of its work."""

import dataclasses

from tfnas.choice import choice
from tfnas.cli import command
from tfnas.convert import files
from tfnas.errors import UserError

USAGE = """usage: python -m tfnas.convert --flag=value ...

Turns an authors' checkpoint of a known genotype (.pt, .npz, .safetensors) into
Keras weights (.weights.h5, .safetensors), or Keras weights into theirs. Every
name and shape must fit. Sizes are read from the checkpoint's shapes; otherwise
they are the published ones: 36 channels, 20 cells, 10 classes for the stem
cifar, 48, 14, 1000 for imagenet.
"""
DIRECTIONS = ("keras", "authors")
# The one attention whose weights depend on the image size.
_SIZED = "ge_theta_plus"


@dataclasses.dataclass(frozen=True)
class ConvertConfig:
    """The flags of a conversion.

    A size of None is read from the checkpoint's shapes or, failing that, is the
    stem's published one, see `sizes`.
    """

    genotype: str | None = choice(None, "genotype: a file or a name of the zoo")
    checkpoint: str | None = choice(None, "file to read")
    out: str | None = choice(None, "file to write")
    direction: str | None = choice(
        None,
        "form to write: keras, or authors, the default if a suffix says so "
        "(.weights.h5 read, .pt or .npz written)",
        options=DIRECTIONS,
    )
    stem: str | None = choice(
        None, "first layers", options=("cifar", "imagenet")
    )
    channels: int | None = choice(None, "channels of the first cell", least=1)
    cells: int | None = choice(None, "number of cells", least=1)
    classes: int | None = choice(None, "number of classes", least=1)
    auxiliary: bool | None = choice(
        None, "include the auxiliary classifier; false leaves it out"
    )
    image_size: int | None = choice(
        None, "height and width of an image (only GE attention depends on it)"
    )

    def sizes(self):
        """{name: value} of the sizes that were given."""
        names = ("stem", "channels", "cells", "classes", "image_size")
        values = {name: getattr(self, name) for name in (*names, "auxiliary")}
        return {k: v for k, v in values.items() if v is not None}


def main(argv):
    """Convert with the flags in `argv`; argv[0] is the program's name."""
    return command.answer(argv, (ConvertConfig,), USAGE, _convert)


def _convert(given):
    config = resolve(given)
    from tfnas import zoo

    genotype = zoo.genotype(config.genotype)
    command.refuse_unused(given, _unused(genotype))
    with command.quiet_start():
        from tfnas.convert import run

    run.convert(config, genotype)


def resolve(given):
    """The `ConvertConfig` of {flag: value}, its direction set.

    It is checked as far as files and libraries go.
    """
    for name in ("genotype", "checkpoint", "out"):
        if not given.get(name):
            raise UserError(f"--{name}: missing; see --help")
    config = command.made(ConvertConfig, given)
    read, written = config.checkpoint, config.out
    direction = config.direction or _direction(read, written)
    names = {"keras": files.OURS, "authors": files.AUTHORS}
    (other,) = set(DIRECTIONS) - {direction}
    files.check_suffix("checkpoint", read, names[other])
    files.check_suffix("out", written, names[direction])
    files.check_paths(read, written)
    return dataclasses.replace(config, direction=direction)


def _unused(genotype):
    """The rules for `command.refuse_unused`."""
    named = set()
    for cell in genotype.cells.values():
        named |= {cell.attention}
        named |= {x for edge in cell.edges for x in (edge.op, edge.attention)}
    why = f"only {_SIZED} has weights for each pixel, which the genotype lacks"
    yield ("image_size",), _SIZED not in named, why


def _direction(read, written):
    back = read.endswith(".h5") or written.endswith((".npz", ".pt", ".pth"))
    return "authors" if back else "keras"
