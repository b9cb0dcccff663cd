"""Steps of a search or training before it begins."""

import dataclasses
import os

import keras
import tensorflow as tf

from tfnas import data
from tfnas.devices import cluster
from tfnas.devices.determinism import make_deterministic
from tfnas.devices.devices import check_batch, make_strategy, parse
from tfnas.devices.threads import divide_cores
from tfnas.devices.workers import AllHere
from tfnas.runs import kept_images, naming


def prepare(config, values, dataset=None):
    """Set up the process as configured: (`Dataset`, `tf.distribute` strategy).

    `dataset` is a `Dataset` in place of the flags' data. It prints a line on
    data and devices. Missing devices, or a batch that does not divide among
    them, raise `UserError`.
    """
    divide_cores()
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        make_deterministic()
    strategy = _strategy(config)
    check_batch(values.batch_size, strategy.num_replicas_in_sync)
    if dataset is None:
        dataset = data.load(
            **kept_images.asked(config), augmentation=values.augmentation
        )
    whole = dataset = dataclasses.replace(
        dataset, name=naming.data_name(config)
    )
    if config.train_images is not None:
        dataset = data.subset(
            whole, config.train_images, values.halves, config.seed
        )
    print(_described(config, whole, dataset, strategy), flush=True)
    return dataset, strategy


def _described(config, whole, dataset, strategy):
    """Data set, images, classes and devices in one line."""
    place = config.data_dir or config.data_csv
    name = " in ".join(filter(None, (dataset.name, place)))
    images = f"{len(dataset.train):,}"
    if dataset is not whole:
        images += f" of {len(whole.train):,}"
    height, width, channels = dataset.image_shape
    count = strategy.num_replicas_in_sync
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    devices = f"the {kind}" if count == 1 else f"{count} {kind}s"
    return (
        f"Data: {name}, {images} training images of {len(dataset.classes)} "
        f"classes, {height}x{width}x{channels}; on {devices}"
    )


def _strategy(config):
    workers = cluster.from_environment(os.environ)
    devices = parse(config.devices)
    if workers is None:
        return make_strategy(devices)
    with AllHere():
        return make_strategy(devices, workers)
