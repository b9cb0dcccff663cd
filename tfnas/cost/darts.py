"""Costs of whole networks: the stack of cells with its stem and heads."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tfnas.cost.layers import (
    ATTENTIONS,
    OPERATIONS,
    Cost,
    Site,
    after,
    attention,
    convolution,
    halve,
    linear,
    norm,
    operation,
    pointwise,
)
from tfnas.errors import UserError
from tfnas.spaces import darts


def network_cost(
    genotype,
    *,
    input_shape=(32, 32, 3),
    classes=10,
    channels=36,
    cells=20,
    stem="cifar",
    auxiliary=False,
):
    """Cost of the evaluation network of a genotype of the DARTS space.

    Edges that data does not reach cost nothing. Source: the authors' code; the
    counts of all published cells agree exactly.

    Args:
        genotype: a `Genotype`.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: channels of a node in the first cell.
        cells: number of cells.
        stem: "cifar", or "imagenet", which halves the map three times.
        auxiliary: count the auxiliary classifier, which only training uses.

    Returns:
        A `Cost`.

    Raises:
        UserError: if the stem is unknown.

    Example:

    ```python
    cell = Cell((Edge("sep_conv_3x3", 0, 2), Edge("skip_connect", 1, 2)), (2,))
    network_cost(Genotype("darts", normal=cell, reduce=cell), cells=8)
    ```
    """
    if stem not in _STEMS:
        raise UserError(f"stem={stem}: use one of {', '.join(_STEMS)}")
    kinds = {"normal": genotype.normal, "reduce": genotype.reduce}
    widths = {kind: len(cell.concat) for kind, cell in kinds.items()}

    def inside(kind, site):
        live = kinds[kind].live_states()
        width = widths[kind] * site.channels
        return _sum(
            operation(edge.op, site.behind(edge.source))
            + after(edge.attention, site)
            for edge in kinds[kind].edges
            if edge.source in live
        ) + attention(kinds[kind].attention, width, site.leaving)

    start = _STEMS[stem](input_shape, channels)
    cost, last, middle = _stack(inside, widths, start, channels, cells)
    cost += linear(last, classes)
    if not auxiliary:
        return cost
    norms = darts.auxiliary_norms(genotype, stem)
    return cost + _auxiliary(middle, classes, norms)


def supernet_cost(
    operations,
    *,
    input_shape=(32, 32, 3),
    classes=10,
    channels=16,
    cells=8,
    nodes=4,
    edge_attentions=(),
    cell_attentions=(),
    partial=1,
    auxiliary_skip=False,
    stem="cifar",
):
    """Cost of a search network, in which every candidate runs.

    Args:
        operations: {"normal": names, "reduce": names}, where names holds the
            candidates of each edge in the order of `darts.edges(nodes)`.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: channels of a node in the first cell.
        cells: number of cells.
        nodes: nodes of a cell.
        edge_attentions: attentions, or operations, mixed on the result of
            each edge (Att-DARTS).
        cell_attentions: attentions mixed at the end of each cell.
        partial: the K of PC-DARTS; 1/K of the channels enter the operations.
        auxiliary_skip: count the skip that DARTS- adds to every edge.
        stem: "cifar", or "imagenet", which halves the map three times.

    Returns:
        A `Cost`, without architecture parameters.

    Raises:
        UserError: if an operation is unknown or an edge is missing.

    Example:

    ```python
    every = [darts.PRIMITIVES] * 14
    supernet_cost({"normal": every, "reduce": every}).parameters  # 1930618
    ```
    """
    sources = [source for source, _ in darts.edges(nodes)]
    _check_operations(operations, len(sources))

    def inside(kind, site):
        narrow = replace(site, channels=site.channels // partial)
        candidates = _sum(
            operation(op, narrow.behind(source))
            for source, names in zip(sources, operations[kind], strict=True)
            for op in names
        )
        candidates += _sum(
            after(name, site) for _ in sources for name in edge_attentions
        )
        if auxiliary_skip:
            candidates += _sum(
                operation("skip_connect", site.behind(s)) for s in sources
            )
        return candidates + _sum(
            attention(name, nodes * site.channels, site.leaving)
            for name in cell_attentions
        )

    widths = {"normal": nodes, "reduce": nodes}
    start = _STEMS[stem](input_shape, channels)
    cost, last, _ = _stack(inside, widths, start, channels, cells, affine=False)
    return cost + linear(last, classes)


def candidate_multiply_adds(
    operations: Mapping[str, Sequence[Sequence[str]]],
    *,
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    channels: int = 36,
    cells: int = 20,
    nodes: int = 4,
    stem: str = "cifar",
    edge_attentions: Sequence[str] = (),
    cell_attentions: Sequence[str] = (),
) -> tuple[dict[str, dict[str, Any]], int]:
    """The cost that each candidate adds to the derived network if kept.

    The network's cells keep all their nodes.

    Args:
        operations: as in `supernet_cost`.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: channels of a node in the first cell of the derived network.
        cells: its number of cells.
        nodes: nodes of a cell.
        stem: its stem, as in `network_cost`.
        edge_attentions: as in `supernet_cost`.
        cell_attentions: as in `supernet_cost`.

    Returns:
        ({"normal": {"alphas": array (edges, candidates), "betas": (edges,
        edge_attentions), "gammas": (cell_attentions,)}, "reduce": the same},
        fixed): multiply-adds of each candidate in all cells of its kind, and
        those of everything else.

    Example:

    ```python
    every = [darts.PRIMITIVES] * 14
    macs, fixed = candidate_multiply_adds({"normal": every, "reduce": every})
    ```
    """
    edges = darts.edges(nodes)
    _check_operations(operations, len(edges))
    macs = {
        kind: dict.fromkeys(("alphas", "betas", "gammas"), 0)
        for kind in operations
    }

    @functools.cache  # most cells are equal
    def of_cell(kind, site):
        own = {
            "alphas": [
                [operation(name, site.behind(source)) for name in row]
                for (source, _), row in zip(
                    edges, operations[kind], strict=True
                )
            ],
            "betas": [[after(n, site) for n in edge_attentions]] * len(edges),
            "gammas": [
                attention(n, nodes * site.channels, site.leaving)
                for n in cell_attentions
            ],
        }
        return {name: _multiply_adds(costs) for name, costs in own.items()}

    def inside(kind, site):
        for name, added in of_cell(kind, site).items():
            macs[kind][name] = macs[kind][name] + added
        return Cost()

    widths = {"normal": nodes, "reduce": nodes}
    start = _STEMS[stem](input_shape, channels)
    rest, last, _ = _stack(inside, widths, start, channels, cells)
    return macs, (rest + linear(last, classes)).multiply_adds


@np.vectorize(otypes=[float])
def _multiply_adds(cost):
    return cost.multiply_adds


def _check_operations(operations, edges):
    for kind in ("normal", "reduce"):
        if len(operations[kind]) != edges:
            raise UserError(
                f"operations.{kind}: {len(operations[kind])} edges; "
                f"give the candidates of all {edges}"
            )
        known = set(OPERATIONS) | set(ATTENTIONS)
        unknown = set().union(*operations[kind]) - known
        for name in sorted(unknown):
            raise UserError(
                f"operations.{kind}: unknown operation {name!r}; use some of "
                f"{', '.join(OPERATIONS)}"
            )


# === Parts ===


def _stack(inside, widths, stem, channels, cells, *, affine=True):
    """Cost of stem and cells; channels after the last and the auxiliary's."""
    cost, before, last, shape = stem
    for index in range(cells):
        kind = "reduce" if index in darts.reductions(cells) else "normal"
        stride = 2 if kind == "reduce" else 1
        channels *= stride
        leaving = halve(shape) if stride == 2 else shape
        # Halving a first input of twice the size costs the same.
        cost += pointwise(before, channels, shape, affine)
        cost += pointwise(last, channels, shape, affine)
        cost += inside(kind, Site(channels, shape, leaving, stride, affine))
        before, last, shape = last, widths[kind] * channels, leaving
        if index == darts.reductions(cells)[1]:
            middle = last
    return cost, last, middle


def _cifar_stem(input_shape, channels):
    *shape, colors = input_shape
    width = 3 * channels
    cost = convolution(colors, width, shape, area=9) + norm(width)
    return cost, width, width, tuple(shape)


def _imagenet_stem(input_shape, channels):
    *shape, width = input_shape
    cost = Cost()
    for outputs in (channels // 2, channels, channels):
        shape = halve(shape)
        cost += convolution(width, outputs, shape, area=9) + norm(outputs)
        width = outputs
    return cost, channels, channels, shape


_STEMS = {"cifar": _cifar_stem, "imagenet": _imagenet_stem}


def _auxiliary(width, classes, norms):
    """The head of DARTS on a map that is pooled to 2x2."""
    return (
        pointwise(width, 128, (2, 2))
        + convolution(128, 768, (1, 1), area=4)
        + norm(768, affine=norms == 2)
        + linear(768, classes)
    )


def _sum(costs):
    return sum(costs, Cost())
