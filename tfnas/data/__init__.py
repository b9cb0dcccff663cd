"""Images for search and training: sources, halves, augmentation, streams.

`load` brings a dataset into memory, `search_halves` splits its training
images between weights and architecture, and the streams turn images into
batches whose order and augmentation depend on nothing but (seed, epoch,
sample index).
"""

from tfnas.data.dataset import DATASETS, Dataset, Split, search_halves
from tfnas.data.sources import load
from tfnas.data.streams import (
    evaluation_batches,
    search_stream,
    steps_per_epoch,
    train_stream,
)

__all__ = [
    "DATASETS",
    "Dataset",
    "Split",
    "evaluation_batches",
    "load",
    "search_halves",
    "search_stream",
    "steps_per_epoch",
    "train_stream",
]
