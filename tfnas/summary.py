"""What a search says about itself: its origin, its cost, what comes next."""

import importlib.metadata
import platform
import resource
import shlex

import tensorflow as tf

from tfnas import cost, data
from tfnas.spaces import mobile, nasbench201


def record(config, method, dataset, argv):
    """What config.json says: all that decides the result, and its origin."""
    train, valid = data.search_halves(dataset)
    return {
        "command": ["python", "-m", "tfnas.search", *argv[1:]],
        "config": config.decisive(),
        "method": method.values(),
        "data": {
            "name": dataset.name,
            "image_shape": dataset.image_shape,
            "classes": list(dataset.classes),
            "train": len(train),
            "valid": len(valid),
        },
        "versions": versions(),
    }


def summary(supernet, genotype, *, seconds, checkpoint_seconds, next_command):
    """What summary.json says: what the search took and what it found.

    The network is counted at the size of its paper: 36 channels and 20 cells
    in the DARTS space, 16 and 15 in NAS-Bench-201, the supernet's own width
    in the mobile space.

    Args:
        supernet: the last supernet of the search.
        genotype: what was found.
        seconds: how long the search took.
        checkpoint_seconds: how much of it went into checkpoints.
        next_command: what one may type now.

    Returns:
        A JSON-ready dict.
    """
    of_images = {
        "input_shape": supernet.image_shape,
        "classes": supernet.classes,
    }
    if genotype.space == "mobile":
        size = {"channels": mobile.STEM, "cells": len(genotype.layers)}
        options = {"width": supernet.width}
    elif genotype.space == "nasbench201":
        sizes = {"channels": nasbench201.CHANNELS, "cells": nasbench201.CELLS}
        size = options = sizes
    else:
        size = options = {"channels": 36, "cells": 20}
    network = cost.network_cost(genotype, **of_images, **options)
    searched = supernet.cost()
    return {
        "seconds": round(seconds, 1),
        "checkpoint_seconds": round(checkpoint_seconds, 3),
        "peak_memory_mb": peak_memory(),
        "supernet_parameters": searched.parameters,
        "supernet_multiply_adds": searched.multiply_adds,
        "network": {
            **size,
            "parameters": network.parameters,
            "multiply_adds": network.multiply_adds,
        },
        "next_command": next_command,
    }


def next_command(config, folder, augmentation="cifar"):
    """The command that goes on from a search: train what it found.

    Args:
        config: the search's `SearchConfig`.
        folder: the search's folder.
        augmentation: the search's.

    Example: `next_command(SearchConfig(), "runs/darts")`.
    """
    preset = "quick" if config.dataset == "digits" else "small"
    flags = {
        "genotype": f"{folder}/genotype.json",
        "preset": "imagenet" if augmentation == "imagenet" else preset,
        "dataset": config.dataset,
        "data_dir": config.data_dir,
        "image_size": config.image_size,
        "seed": config.seed,
        "out": f"{folder}_trained",
    }
    words = [f"--{k}={v}" for k, v in flags.items() if v is not None]
    return shlex.join(["python", "-m", "tfnas.train", *words])


def versions():
    """{package: version} of what decides the numbers."""
    return {
        "python": platform.python_version(),
        **{
            name: importlib.metadata.version(name)
            for name in ("keras", "numpy")
        },
        "tensorflow": tf.__version__,
    }


def peak_memory():
    """Largest resident memory of this process so far, in MB."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kilobytes / 1024)
