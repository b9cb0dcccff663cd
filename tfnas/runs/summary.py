"""A search's records: its origin, its cost, and the next command."""

import importlib.metadata
import os
import platform
import resource
import shlex

import tensorflow as tf
from tensorflow.python.util import _pywrap_util_port

from tfnas import cost, data, spaces
from tfnas.cli import command
from tfnas.data.names import ARRAYS
from tfnas.devices import processor


def record(config, method, dataset, argv):
    """The content of config.json: all that decides the result; its origin."""
    return {
        "command": ["python", "-m", "tfnas.search", *argv[1:]],
        **config.decisive(method),
        "data": described(dataset, method, config.seed),
        "versions": versions(),
    }


def described(dataset, values, seed):
    """config.json's entry on a search's data."""
    train, valid = data.search_halves(dataset, values.halves, seed)
    return {
        "name": dataset.name,
        "image_shape": dataset.image_shape,
        "classes": list(dataset.classes),
        "train": len(train),
        "valid": len(valid),
    }


def missing_classes(dataset, values, seed):
    """A list of at most one line, on the classes that a half lacks.

    A search does not look at test images. Arguments as in `described`.
    """
    halves = data.search_halves(dataset, values.halves, seed)
    names = ("the half for weights", "the half for alpha")
    labels = dataset.train.labels
    parts = {
        name: labels[half] for name, half in zip(names, halves, strict=True)
    }
    line = data.lacking(dataset, parts)
    return [line] if line else []


def summary(supernet, genotype, *, seconds, checkpoint_seconds, next_command):
    """The content of summary.json: the search's cost and its result.

    `supernet` is the last stage's; `checkpoint_seconds` is the part of
    `seconds` spent on checkpoints.
    """
    searched = supernet.cost()
    budget = supernet.method.budget_macs
    return {
        "seconds": round(seconds, 1),
        "checkpoint_seconds": round(checkpoint_seconds, 3),
        "peak_memory_mb": peak_memory(),
        "supernet_parameters": searched.parameters,
        "supernet_multiply_adds": searched.multiply_adds,
        "network": network_of_paper(
            genotype,
            channels=supernet.channels,
            stem=supernet.method.stem,
            input_shape=supernet.image_shape,
            classes=supernet.classes,
        ),
        **({"budget_multiply_adds": round(budget * 1e6)} if budget else {}),
        "next_command": next_command,
    }


def network_of_paper(genotype, *, channels, stem="cifar", **images):
    """Size and cost of the found network, at the size of its space's paper.

    That is 36 channels and 20 cells in the DARTS space, 16 and 15 in
    NAS-Bench-201; in the mobile space the search's own channels. Returns
    {"channels", "cells", "parameters", "multiply_adds"}.
    """
    channels, cells = spaces.get(genotype.space).paper_size(channels)
    size = {"channels": channels, "cells": cells}
    network = cost.built_cost(genotype, **size, stem=stem, **images)
    return {**size, **vars(network)}


def next_command(config, folder, augmentation="cifar"):
    """The next command after a search: train its genotype."""
    if config.dataset == ARRAYS:
        return f"tfnas.run_training({str(folder)!r}, (images, labels))"
    preset = "quick" if config.dataset == "digits" else "small"
    flags = {
        "genotype": f"{folder}/genotype.json",
        "preset": "imagenet" if augmentation == "imagenet" else preset,
        "dataset": config.dataset,
        "dataset_name": config.dataset_name,
        "data_dir": config.data_dir,
        "image_size": config.image_size,
        **_class_weights(config),
        "seed": config.seed,
        "out": f"{folder}_trained",
    }
    return shlex.join(["python", "-m", "tfnas.train", *command.typed(flags)])


def _class_weights(config):
    """The flag, if the command has it and its value is not empty."""
    rule = getattr(config, "class_weights", "none")
    return {} if rule == "none" else {"class_weights": rule}


def versions():
    """{package: version} of what affects the numbers; oneDNN "on" or "off"."""
    return {
        "python": platform.python_version(),
        **{
            name: importlib.metadata.version(name)
            for name in ("keras", "numpy")
        },
        "tensorflow": tf.__version__,
        "oneDNN": "on" if onednn() else "off",
    }


def onednn():
    """Whether TensorFlow computes with oneDNN in this process.

    The environment does not tell: TensorFlow may have been imported before a
    variable was set, and without one it decides by the processor.
    """
    return _pywrap_util_port.IsMklEnabled()


def machine():
    """The hardware of this process, such as "2 cores of AMD EPYC".

    It counts the cores that the process may use, and names the GPUs that
    TensorFlow sees.
    """
    cores = len(os.sched_getaffinity(0))
    text = f"{cores} core{'s' * (cores > 1)} of {processor.name()}"
    for gpu in tf.config.get_visible_devices("GPU"):
        details = tf.config.experimental.get_device_details(gpu)
        text += f" and {details.get('device_name', gpu.name)}"
    return text


def peak_memory():
    """Largest resident memory of this process so far, in MB."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kilobytes / 1024)
