"""Costs of networks of the mobile space."""

from tfnas.cost.layers import (
    Cost,
    convolution,
    halve,
    linear,
    norm,
    pointwise,
)
from tfnas.spaces import mobile
from tfnas.spaces.chain import chain_of, parts


def network_cost(genotype, *, input_shape=(32, 32, 3), classes=10, width=1.0):
    """Cost of the evaluation network of a genotype of a space of chains.

    Args:
        genotype: a `Genotype` with all layers of its space.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        width: factor on all channels.

    Returns:
        A `Cost`.

    Raises:
        UserError: if the genotype has another number of layers.

    Example:

    ```python
    genotype = Genotype("mobile", layers=("mb_3x3_e6",) * 19)
    network_cost(genotype, input_shape=(224, 224, 3), classes=1000)
    ```
    """
    layout = chain_of(genotype).layout(input_shape, width)
    candidates = [(name,) for name in genotype.layers]
    return _chain(candidates, input_shape, classes, layout)


def supernet_cost(
    operations=None,
    *,
    input_shape=(32, 32, 3),
    classes=10,
    width=1.0,
    chain=mobile.SPACE,
):
    """Cost of the mobile supernet, in which every layer runs all candidates.

    Args:
        operations: candidates, as `Space.per_edge` reads them.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        width: factor on all channels.
        chain: the `Chain` whose layers they are.

    Returns:
        A `Cost`.

    Raises:
        UserError: if the operations are not candidates of its layers.

    Example: `supernet_cost(input_shape=(224, 224, 3), classes=1000)`.
    """
    candidates = chain.per_edge(operations)["layers"]
    layout = chain.layout(input_shape, width)
    return _chain(candidates, input_shape, classes, layout)


def _chain(candidates, input_shape, classes, layout):
    *shape, depth = input_shape

    shape = _after(shape, layout.stem_stride)
    cost = convolution(depth, layout.stem, shape, area=9) + norm(layout.stem)
    cost += _bottleneck(3, 1, layout.stem, layout.first, shape, shape)
    depth = layout.first
    for names, (channels, stride) in zip(
        candidates, layout.layers, strict=True
    ):
        leaving = _after(shape, stride)
        for name in names:
            cost += _operation(name, depth, channels, shape, leaving, stride)
        depth, shape = channels, leaving
    cost += pointwise(depth, layout.last, shape)
    return cost + linear(layout.last, classes)


def _operation(name, inputs, outputs, entering, leaving, stride):
    if name != "skip":
        kernel, expansion = parts(name)
        return _bottleneck(
            kernel, expansion, inputs, outputs, entering, leaving
        )
    if stride == 1 and inputs == outputs:
        return Cost()
    return pointwise(inputs, outputs, leaving)


def _bottleneck(kernel, expansion, inputs, outputs, entering, leaving):
    wide = inputs * expansion
    cost = pointwise(inputs, wide, entering) if expansion > 1 else Cost()
    cost += convolution(1, wide, leaving, area=kernel**2) + norm(wide)
    return cost + pointwise(wide, outputs, leaving)


def _after(shape, stride):
    return halve(shape) if stride == 2 else shape
