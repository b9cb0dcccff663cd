"""The memory of a run on a CPU, estimated before it starts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfnas.cost.darts import network_cost, supernet_cost
from tfnas.cost.layers import halve
from tfnas.genotype import ATTENTIONS, Genotype
from tfnas.spaces import darts

# Maps kept by a cell's two inputs, per state of the cell before.
PREPROCESSING = 2
TRAINING_FIXED, TRAINING_CELL, TRAINING_KEPT = 0.9e9, 2.5e7, 0.89


@dataclass(frozen=True)
class Memory:
    """Peak memory of a process that searches or trains.

    Attributes:
        fixed: bytes at any batch size: the libraries, the traced graph, the
            weights.
        per_image: bytes for each image of a batch.

    Example:

    ```python
    assert Memory(2e9, 1e7).peak(batch_size=64) == 2.64e9
    ```
    """

    fixed: float
    per_image: float

    def peak(self, batch_size):
        """Bytes at a batch size."""
        return self.fixed + batch_size * self.per_image

    def largest_batch(self, available):
        """Size of the largest batch that fits into so many bytes, or 0."""
        return max(0, int((available - self.fixed) / self.per_image))


def search_memory(
    operations: Mapping[str, Sequence[Sequence[str]]],
    *,
    input_shape: Sequence[int] = (32, 32, 3),
    channels: int = 16,
    cells: int = 8,
    nodes: int = 4,
    edge_attentions: Sequence[str] = (),
    partial: int = 1,
    stem: str = "cifar",
    **size: Any,
) -> Memory:
    """Memory of the search with a supernet.

    A batch adds the results of all edges' operations, kept for the backward
    pass; images, stem and classifier are small in comparison.

    Args:
        operations: {"normal": names of each edge, "reduce": the same}.
        input_shape: (height, width, channels) of an image.
        channels: channels of a node in the first cell.
        cells: number of cells.
        nodes: nodes of a cell.
        edge_attentions: attentions, or operations, after each edge.
        partial: the K of PC-DARTS.
        stem: as in `supernet_cost`.
        **size: further values of `supernet_cost`.

    Returns:
        A `Memory`.

    Example:

    ```python
    every = darts.SPACE.per_edge(darts.PRIMITIVES)
    search_memory(every, channels=16, cells=8).peak(batch_size=64) / 1e9
    ```
    """
    attentions = kept = 0
    shape = _behind(stem, input_shape)
    for kind, state in _states(shape, channels, cells):
        names = [name for edge in operations[kind] for name in edge]
        second = list(edge_attentions) * len(operations[kind])
        attentions += sum(name in ATTENTIONS for name in names + second)
        kept += state / partial * sum(map(_maps, names))
        kept += state * sum(map(_maps, second))
    parameters = supernet_cost(
        operations,
        input_shape=input_shape,
        channels=channels,
        cells=cells,
        nodes=nodes,
        edge_attentions=edge_attentions,
        partial=partial,
        stem=stem,
        **size,
    ).parameters
    return _calibrated(parameters, cells, attentions, kept)


def training_memory(
    genotype: Genotype,
    *,
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    channels: int = 36,
    cells: int = 20,
    stem: str = "cifar",
) -> Memory:
    """Memory of the training of a genotype's network, of the space darts.

    Args:
        genotype: a `Genotype`.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: channels of a node in the first cell.
        cells: number of cells.
        stem: as in `network_cost`.

    Returns:
        A `Memory`.

    Example:

    ```python
    cell = Cell((Edge("sep_conv_3x3", 0, 2), Edge("skip_connect", 1, 2)), (2,))
    genotype = Genotype("darts", normal=cell, reduce=cell)
    training_memory(genotype, channels=16, cells=8).peak(batch_size=96) / 1e9
    ```
    """
    kept = 0
    shape = _behind(stem, input_shape)
    for kind, state in _states(shape, channels, cells):
        cell = genotype.cells[kind]
        maps = sum(_maps(edge.op) for edge in cell.edges)
        kept += state * (maps + PREPROCESSING * len(cell.concat))
    parameters = network_cost(
        genotype,
        input_shape=input_shape,
        classes=classes,
        channels=channels,
        cells=cells,
        stem=stem,
    ).parameters
    # Fitted to measured peaks, as for a search.
    fixed = TRAINING_FIXED + TRAINING_CELL * cells + 16 * parameters
    return Memory(fixed, TRAINING_KEPT * 4 * kept)


def _behind(stem, input_shape):
    """(height, width) of the first cell's input."""
    shape = input_shape[:2]
    for _ in range(3 if stem == "imagenet" else 0):
        shape = halve(shape)
    return shape


def _maps(name):
    """Maps that an operation keeps on an edge, by its convolutions."""
    if name.startswith(("sep_conv", "conv")):
        return 8
    if name.startswith("dil_conv"):
        return 4
    return 0 if name in ("none", "identity") else 1


def _calibrated(parameters, cells, attentions, kept):
    """Bytes, fitted to measured peaks (`tests/test_memory.py`).

    Each parameter has a gradient, a buffer and a new value; `attentions` counts
    them on all edges of all cells, `kept` the numbers in one image's maps.
    """
    graph = 1.15e8 * cells + 4.5e6 * attentions
    return Memory(1.0e9 + graph + 16 * parameters, 0.89 * 4 * kept)


def edge_outputs(
    shape: Sequence[int], *, channels: int, cells: int, nodes: int = 4
) -> int:
    """Numbers in the outputs of all edges of a supernet, for one image.

    Args:
        shape: (height, width) of an image.
        channels: channels of a node in the first cell.
        cells: number of cells.
        nodes: nodes of a cell.

    Example:

    ```python
    assert edge_outputs((32, 32), channels=16, cells=8) == 974848
    ```
    """
    edges = len(darts.edges(nodes))
    states = _states(shape, channels, cells)
    return edges * sum(numbers for _, numbers in states)


def _states(shape, channels, cells):
    """The kind of each cell, and the numbers in one of its states."""
    for index in range(cells):
        reduction = index in darts.reductions(cells)
        if reduction:
            channels, shape = 2 * channels, halve(shape)
        yield darts.KINDS[reduction], channels * math.prod(shape)
