"""The mobile space's supernet and networks, written out.

A second implementation in plain TensorFlow, apart from tfnas, on the layers of
`reference_layers`. Sources: the inverted bottleneck is MobileNetV2's
(arXiv:1801.04381), section 3 and table 1; the 19 layers are those of FairNAS
(arXiv:1907.01845), table of its networks; the candidates and their sigmoids are
Fair DARTS's (arXiv:1911.12126), section 4.1.
"""

import tensorflow as tf
from reference_architecture import RELAXATIONS, perturbed
from reference_layers import (
    Part,
    batch_norm,
    classify,
    convolution,
    depthwise,
    linear,
)

# The strides of the 19 layers, for images of 64 pixels or more.
STRIDES = (2, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)


def relu6(x):
    return tf.minimum(tf.maximum(x, 0), 6)


def convolution_block(x, part, stride=1):
    x = convolution(x, part["convolution"], stride)
    return relu6(batch_norm(x, part / "norm"))


def bottleneck(x, part, stride=1):
    """Expand by 1x1 (but for the first), depthwise, project by 1x1.

    The input is added where it has the shape of the result.
    """
    y = x
    if "expand" in part:
        y = relu6(batch_norm(linear(y, part["expand"]), part / "expand_norm"))
    y = depthwise(y, part["depthwise"], stride)
    y = relu6(batch_norm(y, part / "depthwise_norm"))
    y = batch_norm(linear(y, part["project"]), part / "project_norm")
    return x + y if x.shape == y.shape else y


def candidate(x, part, name, stride):
    """A bottleneck, or a skip, which projects where the shape changes."""
    if name != "skip":
        return bottleneck(x, part, stride)
    if "project" not in part:
        return x
    x = linear(x[:, ::stride, ::stride], part["project"])
    return batch_norm(x, part / "norm")


def ends(part, images, middle, classifier):
    """Stem, fixed bottleneck, what is between, 1x1 block, classifier."""
    x = convolution_block(images, part / "stem", 2)
    x = middle(bottleneck(x, part / "first"))
    return classify(convolution_block(x, part / "last"), part / classifier)


def supernet_logits(supernet, images, training, draws=None, radius=None):
    """As `reference_cells.supernet_logits`, for a `MobileSupernet`."""
    part = Part.of(supernet, training)
    weights = RELAXATIONS[supernet.method.relaxation](part["alphas_layers"])
    if radius is not None:
        weights = perturbed(weights, radius, 2 * next(draws) - 1)

    def middle(x):
        for index, stride in enumerate(STRIDES):
            names = supernet.operations["layers"][index]
            own = part / f"layer_{index:02}"
            x = sum(
                weights[index, column] * candidate(x, own / name, name, stride)
                for column, name in enumerate(names)
            )
        return x

    return ends(part, images, middle, "classifier")


def network_logits(network, genotype, images, training):
    """The logits of a genotype's network, without its dropout."""
    part = Part.of(network, training)

    def middle(x):
        for index, stride in enumerate(STRIDES):
            own = part / f"layer_{index:02}"
            x = candidate(x, own, genotype.layers[index], stride)
        return x

    return ends(part, images, middle, "logits")
