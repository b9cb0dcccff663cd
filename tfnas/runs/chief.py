"""A run's folder on each of several workers.

One of them is the chief; only it reads and writes the folder.
"""

import io
import json

import numpy as np

from tfnas.devices.distributed_model import is_across_hosts
from tfnas.devices.workers import broadcast, is_chief
from tfnas.runs.folder import Folder


class Follower(Folder):
    """The folder of a worker that is not the chief: writes nothing.

    Args:
        folder: the chief's, for the record.
    """

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def write(self, name, data):
        pass

    save_checkpoint = write

    def load_checkpoint(self):
        return None


def open_run(strategy, folder, config, resume):
    """The run's folder for the chief, a `Follower` for the others."""
    if is_chief(strategy):
        return Folder(folder, config, resume)
    return Follower(folder)


def load_checkpoint(strategy, run):
    """`Folder.load_checkpoint` of the chief, on every worker."""
    found = run.load_checkpoint()
    if not is_across_hosts(strategy):
        return found
    data = b""
    if found is not None:
        buffer = io.BytesIO()
        np.savez(buffer, state=json.dumps(found[1]), **found[0])
        data = buffer.getvalue()
    data = broadcast(strategy, data)
    if not data:
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = dict(file)
    return arrays, json.loads(str(arrays.pop("state")))
