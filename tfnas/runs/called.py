"""Runs called from Python: their data, and the process around them."""

import contextlib
import os

from tfnas.cli import command
from tfnas.data.arrays import from_arrays
from tfnas.data.dataset import Dataset
from tfnas.data.names import ARRAYS
from tfnas.devices.unchanged import unchanged
from tfnas.errors import UserError


@contextlib.contextmanager
def called(run, data, given, **about):
    """The flags and the `Dataset` of a call, in a process left unchanged.

    Args:
        run: the command's dataclasses.
        data: None for the flags' data, a folder of images, a `Dataset`, or
            arrays as `from_arrays` takes them.
        given: {flag: value}.
        **about: further arguments of `from_arrays`.

    Yields:
        ({flag: value}, `Dataset` or None for the flags' data).
    """
    given = {
        k: tuple(v) if isinstance(v, list) else v for k, v in given.items()
    }
    words = command.typed(given)
    given = command.parse(["tfnas", *words], *run)
    if given.get("tune"):
        raise UserError("--tune: works only on the command line; leave it out")
    about = {name: value for name, value in about.items() if value is not None}
    if data is not None and (clash := {"dataset", "data_dir"} & set(given)):
        raise UserError(f"--{min(clash)}: leave it out, or the data")
    dataset = None
    if isinstance(data, str | os.PathLike):
        place = os.path.expanduser(os.fspath(data))
        given = {**given, "dataset": "image_folder", "data_dir": place}
    elif data is not None:
        given = {**given, "dataset": ARRAYS}
        dataset = data
    wholly = dataset is None or isinstance(dataset, Dataset)
    if wholly and (idle := about.keys() - {"test_share"}):
        raise UserError(f"{min(idle)}: is for arrays; leave it out")
    with unchanged():
        if not wholly:
            seed = given.get("seed", 0)
            dataset = from_arrays(dataset, seed=seed, **about)
        yield given, dataset
