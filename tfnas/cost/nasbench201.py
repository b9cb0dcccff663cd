"""Costs of networks of NAS-Bench-201."""

from tfnas.cost.layers import (
    Cost,
    Site,
    convolution,
    dense,
    halve,
    linear,
    norm,
    operation,
)
from tfnas.spaces import nasbench201


def network_cost(
    genotype,
    *,
    input_shape=(32, 32, 3),
    classes=10,
    channels=nasbench201.CHANNELS,
    cells=nasbench201.CELLS,
):
    """Cost of the evaluation network of a genotype of NAS-Bench-201.

    Args:
        genotype: a `Genotype` of the space nasbench201.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: of the first stack.
        cells: number of cells, a multiple of three.

    Returns:
        A `Cost`.

    Raises:
        UserError: for another number of cells.

    Example: `network_cost(nasbench201.from_string(text)).parameters`.
    """

    def inside(site):
        return sum((operation(e.op, site) for e in genotype.cell.edges), Cost())

    return _stacks(inside, input_shape, classes, channels, cells, affine=True)


def supernet_cost(
    operations,
    *,
    input_shape=(32, 32, 3),
    classes=10,
    channels=nasbench201.CHANNELS,
    cells=nasbench201.CELLS,
    partial=1,
):
    """Cost of a supernet, in which every edge runs all candidates.

    Args:
        operations: candidates, as `Space.per_edge` reads them.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: of the first stack.
        cells: number of cells, a multiple of three.
        partial: the K of PC-DARTS; 1/K of the channels enter the operations.

    Returns:
        A `Cost`, without architecture parameters.

    Raises:
        UserError: for an illegal number of cells or illegal operations.

    Example: `supernet_cost(None).parameters` is 1692826.
    """
    names = sum(nasbench201.SPACE.per_edge(operations)["cell"], [])

    def inside(site):
        narrow = Site(
            site.channels // partial, site.entering, site.leaving, affine=False
        )
        return sum((operation(name, narrow) for name in names), Cost())

    return _stacks(inside, input_shape, classes, channels, cells, affine=False)


def _stacks(inside, input_shape, classes, channels, cells, affine):
    nasbench201.SPACE.check_cells(cells)
    *shape, depth = input_shape
    shape = tuple(shape)
    cost = dense(depth, channels, shape, 3)
    for stack in range(nasbench201.STACKS):
        if stack:
            shape = halve(shape)
            cost += dense(channels, 2 * channels, shape, 3)
            cost += convolution(channels, 2 * channels, shape)
            channels *= 2
            cost += dense(channels, channels, shape, 3)
        site = Site(channels, shape, shape, affine=affine)
        for _ in range(cells // nasbench201.STACKS):
            cost += inside(site)
    return cost + norm(channels) + linear(channels, classes)
