"""What a step of the plan takes, from what was measured."""

import dataclasses
import functools
import math

from tfnas import cost, methods, zoo
from tfnas.auto.rules import LADDER

# A cell of middle cost stands for the one that will be found.
TYPICAL = "DARTS_V2"
SEARCH_BATCH = 64
# An image's evaluation, as a share of its part of a training step; and all
# evaluations of an epoch of a search, of its steps (docs/performance.md).
EVALUATION, EVALUATIONS = 0.35, 0.3
# Images that are evaluated without augmentation at a training's end.
PLAIN = 5_000
# The memory's estimates are right to about a quarter.
SPARE = 1.25


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the images and the machine are.

    Attributes:
        images: training images.
        test_images: test images.
        classes: number of classes.
        most: the share of the most frequent class among training images.
        rarest: the share of the rarest.
        height: of the images as they are trained on.
        width: the same.
        channels: the same.
        image_size: for the flag, or None if the images stay as they are.
        cores: that the process may use.
        memory: bytes that are free.
    """

    images: int
    test_images: int
    classes: int
    most: float
    rarest: float
    height: int
    width: int
    channels: int
    image_size: int | None
    cores: int
    memory: int

    @property
    def shape(self):
        return self.height, self.width, self.channels


@dataclasses.dataclass(frozen=True)
class Measured:
    """Seconds on one rung of the ladder.

    Attributes:
        rung: its place.
        seconds: all of the looking and measuring.
        start: of a process until it has the images.
        search_trace: of a supernet until its first step is done.
        search_step: of a step of alpha and the weights.
        trace: of a network until its first step is done.
        step: of a step on whole images.
        small_step: of a step on the smallest images of a training.
        whole: whether the search was timed too, for which short times are too
            short.
    """

    rung: int
    seconds: float
    start: float
    search_trace: float
    search_step: float
    trace: float
    step: float
    small_step: float
    whole: bool = True


def multiply_adds(rung, seen, values):
    """(supernet's, network's) multiply-adds for an image, on a rung."""
    return _multiply_adds(rung, seen.shape, seen.classes, values["method"])


@functools.cache
def _multiply_adds(rung, shape, classes, method):
    searched, network = LADDER[rung].search, LADDER[rung].network
    size = {"input_shape": shape, "classes": classes}
    method = methods.get(method)
    return (
        cost.supernet_cost(
            method.search_space.per_edge(None, method.nodes),
            space=method.space,
            channels=searched[0],
            cells=searched[1],
            nodes=method.nodes,
            **size,
        ).multiply_adds,
        cost.built_cost(
            zoo.genotype(TYPICAL), channels=network[0], cells=network[1], **size
        ).multiply_adds,
    )


def memory(rung, seen, values):
    """Bytes that the larger of search and training takes at its peak."""
    searched, network = LADDER[rung].search, LADDER[rung].network
    method = methods.get(values["method"])
    search = cost.search_memory(
        method.search_space.per_edge(None, method.nodes),
        input_shape=seen.shape,
        channels=searched[0],
        cells=searched[1],
        nodes=method.nodes,
    )
    training = cost.training_memory(
        zoo.genotype(TYPICAL),
        input_shape=seen.shape,
        classes=seen.classes,
        channels=network[0],
        cells=network[1],
    )
    peak = max(search.peak(SEARCH_BATCH), training.peak(values["batch_size"]))
    # Images stay in their files if they take more than half of the memory.
    images = (seen.images + seen.test_images) * math.prod(seen.shape)
    return SPARE * (peak + min(images, seen.memory / 2))


def at(rung, measured, seen, values):
    """The `Measured` of another rung.

    Steps grow with the multiply-adds, traces with the cells.
    """
    if rung == measured.rung:
        return measured
    pairs = zip(
        multiply_adds(rung, seen, values),
        multiply_adds(measured.rung, seen, values),
        strict=True,
    )
    search, network = (new / old for new, old in pairs)
    there, here = LADDER[rung], LADDER[measured.rung]
    return dataclasses.replace(
        measured,
        rung=rung,
        search_trace=measured.search_trace * there.search[1] / here.search[1],
        search_step=measured.search_step * search,
        trace=measured.trace * there.network[1] / here.network[1],
        step=measured.step * network,
        small_step=measured.small_step * network,
    )


# === Seconds ===


def search_start(measured):
    """A search without its epochs: alpha rests at first, so two traces."""
    return measured.start + 2 * measured.search_trace


def pair(measured):
    """A pair of images, one for each half, in an epoch of a search."""
    return measured.search_step * (1 + EVALUATIONS) / SEARCH_BATCH


def training_start(measured, seen, values):
    """A training without its epochs, its test included."""
    traces = len(values["sizes"]) + 0.5
    at_end = seen.test_images + min(seen.images, PLAIN)
    image = measured.step / values["batch_size"]
    return (
        measured.start
        + traces * measured.trace
        + EVALUATION * at_end * image
        + 3
    )


def image(measured, values):
    """An image in an epoch of a training, the mean over the images' sizes."""
    sizes = values["sizes"]
    whole, small = measured.step, measured.small_step
    least = sizes[0] ** 2
    steps = [
        whole
        if share == 1
        else small + (whole - small) * (share**2 - least) / (1 - least)
        for share in sizes
    ]
    return sum(steps) / len(steps) / values["batch_size"]


def drawing(measured):
    """The drawing of a random cell, judged by an epoch on few images."""
    return measured.start + 2 * measured.trace + 5


def export(measured):
    """SavedModel and ONNX, both compared with the network."""
    return measured.start + 2 * measured.trace + 8


def ending(measured):
    """The answers to ten images, and the report."""
    return measured.start + 6
