"""Images as a run would read them, and steps as a run would take them."""

import os
import statistics
import time

import keras
import numpy as np
from PIL import Image

from tfnas import data, methods, zoo
from tfnas.auto.predict import SEARCH_BATCH, TYPICAL, Seen
from tfnas.auto.rules import LADDER
from tfnas.bilevel.search import BilevelSearch
from tfnas.bilevel.supervised import SupervisedTraining
from tfnas.cli import flags
from tfnas.data.listing import find
from tfnas.devices.determinism import make_deterministic
from tfnas.devices.free_memory import available_memory
from tfnas.devices.threads import divide_cores
from tfnas.networks import build_network, build_supernet
from tfnas.networks.whitening import frozen_first
from tfnas.runs import naming
from tfnas.train import Recipe

# Image files whose sizes are looked at before all are read.
LOOKED_AT = 500
# Steps that are timed, and seconds after which fewer do.
STEPS, ENOUGH = 5, 4.0


class Images:
    """The images, read as the runs will read them.

    Args:
        config: an `AutoConfig`.
        side: function of the number of training images to the side that large
            images get.
    """

    def __init__(self, config, side):
        divide_cores()
        make_deterministic()
        self.seed = config.seed
        given = flags.images(config)
        memory = available_memory()
        size = config.image_size
        if size is None and config.dataset == naming.FOLDER:
            size = _size_in_folder(config, side)
        self.dataset = data.load(**{**given, "image_size": size})
        if size is None and config.dataset != naming.FOLDER:
            size = self._smaller(given, side)
        labels = self.dataset.train.labels
        counts = np.bincount(labels, minlength=len(self.dataset.classes))
        height, width, channels = self.dataset.image_shape
        self.seen = Seen(
            images=len(labels),
            test_images=len(self.dataset.test),
            classes=len(self.dataset.classes),
            most=float(counts.max() / len(labels)),
            rarest=float(counts[counts > 0].min() / len(labels)),
            height=int(height),
            width=int(width),
            channels=int(channels),
            image_size=size,
            cores=len(os.sched_getaffinity(0)),
            memory=int(memory),
        )

    def _smaller(self, given, side):
        """Read a data set anew if its images are too large for the time."""
        size = side(len(self.dataset.train))
        if min(self.dataset.image_shape[:2]) <= size:
            return None
        self.dataset = data.load(**{**given, "image_size": size})
        return size

    @property
    def about(self):
        """{argument of a network: value} that follows from the images."""
        return {
            "input_shape": self.dataset.image_shape,
            "classes": len(self.dataset.classes),
        }


def _size_in_folder(config, side):
    """The side to resize a folder's images to; None if they keep their size."""
    given = (config.data_dir, config.data_csv, config.test_share, config.seed)
    files = find(*given).train
    sizes = []
    for path, _ in files[:: -(-len(files) // LOOKED_AT)]:
        try:
            with Image.open(path) as image:
                sizes.append(image.size)
        except OSError:  # `load` says what is wrong with it
            continue
    most = side(len(files))
    shorter = [min(size) for size in sizes]
    if len({*sizes}) == 1 and shorter[0] <= most:
        return None
    return min(most, int(statistics.median(shorter or [most])))


def search(images, rung, values):
    """(seconds of a supernet to its first step's end, of a step)."""
    began = time.perf_counter()
    channels, cells = LADDER[rung].search
    supernet = build_supernet(
        methods.get(values["method"]),
        channels=channels,
        cells=cells,
        **images.about,
    )
    model = BilevelSearch(supernet, images.seed)
    halves = data.search_halves(images.dataset, "stratified", images.seed)
    stream = data.search_stream(
        images.dataset,
        halves,
        batch_size=SEARCH_BATCH,
        epochs=STEPS + 1,
        seed=images.seed,
    )
    return _timed(model, iter(stream), began)


def training(images, rung, values):
    """(seconds of a network to its first step's end, of a step, of a small).

    The last is a step on the smallest images of the training.
    """
    began = time.perf_counter()
    channels, cells = LADDER[rung].network
    recipe = Recipe.preset("fast").with_flags(
        {
            "channels": channels,
            "cells": cells,
            "batch_size": values["batch_size"],
            "sizes": values["sizes"],
        }
    )
    size = recipe.size(images.dataset)
    network = build_network(zoo.genotype(TYPICAL), **size)
    frozen_first(network)
    model = SupervisedTraining(network, recipe)
    everything = np.arange(len(images.dataset.train))
    stream = data.train_stream(
        images.dataset, everything, seed=images.seed, **recipe.stream()
    )
    batches = iter(stream)
    trace, step = _timed(model, batches, began)
    small = recipe.image_size_at(0, images.dataset.image_shape)
    if small is None:
        return trace, step, step
    model.train_on(small)
    return trace, step, _timed(model, batches, time.perf_counter())[1]


def _timed(model, batches, began):
    """(seconds from `began` to the first step's end, of a step)."""
    model.make_train_function()
    model.train_function(batches)
    first = time.perf_counter() - began
    seconds = []
    while len(seconds) < STEPS and sum(seconds) < ENOUGH:
        started = time.perf_counter()
        logs = model.train_function(batches)
        float(logs["loss"])
        seconds.append(time.perf_counter() - started)
    keras.backend.clear_session()
    return first, statistics.median(seconds)
