"""Images for search and training: sources, halves, augmentation, streams.

`load` reads a dataset into memory or finds its files, `search_halves` splits
its training images between weights and architecture, and the streams turn
images into batches whose order and augmentation depend only on (seed, epoch,
sample index).
"""

import importlib

_HOMES = {
    "DATASETS": "names",
    "Dataset": "dataset",
    "Split": "dataset",
    "check_request": "request",
    "damage_named": "encoded",
    "evaluation_batches": "streams",
    "held_out": "parts",
    "lacking": "parts",
    "load": "sources",
    "search_halves": "parts",
    "search_stream": "streams",
    "shuffled": "draws",
    "steps_per_epoch": "streams",
    "subset": "parts",
    "train_stream": "streams",
}


def __getattr__(name):
    # Names arrive on first use: a request is checked without TensorFlow.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    return getattr(module, name)


def __dir__():
    return sorted([*globals(), *_HOMES])
