"""Costs of single layers, operations and attentions.

Operations take a `Site`; the formulas are those of the layers of the same
name in the authors' code of DARTS and Att-DARTS.

Multiply-adds are those of convolutions and linear layers alone: a weight counts
once for each place that it is applied to. Batch norms, biases, activations,
pools, sums, masks and the matrix products within attentions count nothing. Fair
DARTS's published numbers agree with this; those of DARTS and P-DARTS for
ImageNet are some 44 and 14 million higher.
"""

import functools
import math
from dataclasses import dataclass, replace

# Input channels for each channel inside an attention's bottleneck.
SQUEEZE = 16


@dataclass(frozen=True)
class Cost:
    """The cost of a network or of a part of one.

    Attributes:
        parameters: trainable numbers.
        multiply_adds: multiplications in the convolutions and linear layers
            of a forward pass of one image.

    Example:

    ```python
    Cost(10, 200) + Cost(1, 0)  # Cost(parameters=11, multiply_adds=200)
    ```
    """

    parameters: int = 0
    multiply_adds: int = 0

    def __add__(self, other):
        return Cost(
            self.parameters + other.parameters,
            self.multiply_adds + other.multiply_adds,
        )


# === Layers ===


def convolution(inputs, outputs, shape, *, area=1, bias=False):
    """A filter of `area` taps on `inputs` channels for each output channel.

    A depthwise convolution has one input per output. Shape is the output's.
    """
    weights = inputs * outputs * area
    return Cost(weights + outputs * bias, weights * math.prod(shape))


def pointwise(inputs, outputs, shape, affine=True):
    """A 1x1 convolution and its batch norm; so too a FactorizedReduce."""
    return convolution(inputs, outputs, shape) + norm(outputs, affine)


def dense(inputs, outputs, shape, kernel, affine=True):
    """NAS-Bench-201's convolution, with a bias if its norm has no offset."""
    return convolution(
        inputs, outputs, shape, area=kernel**2, bias=not affine
    ) + norm(outputs, affine)


def linear(inputs, outputs, *, bias=True):
    """A fully connected layer."""
    return convolution(inputs, outputs, (1, 1), bias=bias)


def norm(channels, affine=True):
    """A batch norm, which trains its scale and offset, if any."""
    return Cost(2 * channels * affine)


def halve(shape):
    """The map after a stride of 2."""
    return tuple((size + 1) // 2 for size in shape)


# === Operations ===


@dataclass(frozen=True)
class Site:
    """The place of an operation in a network.

    Attributes:
        channels: channels in and out.
        entering: map that it reads.
        leaving: map that it writes.
        stride: 1 or 2.
        affine: whether batch norms have a scale and an offset.
    """

    channels: int
    entering: tuple[int, int]
    leaving: tuple[int, int]
    stride: int = 1
    affine: bool = True

    def behind(self, source):
        """The site of an edge from `source`: only inputs are still unhalved."""
        if source < 2:
            return self
        return replace(self, entering=self.leaving, stride=1)


def operation(name, site):
    """Cost of one of the `OPERATIONS`, or of an attention in their place.

    At stride 2 a factorized reduction, never affine, precedes such an attention
    (Att-DARTS).
    """
    if name in OPERATIONS:
        return OPERATIONS[name](site)
    reduction = _skip(replace(site, affine=False))
    return reduction + attention(name, site.channels, site.leaving)


def after(name, site):
    """Cost of an attention, or of an operation, on an operation's result."""
    if name in OPERATIONS:
        return operation(name, replace(site, entering=site.leaving, stride=1))
    return attention(name, site.channels, site.leaving)


def costliest(names, count):
    """The `count` operations with the most parameters, in the given order."""
    site = Site(channels=16, entering=(8, 8), leaving=(8, 8))
    ranked = sorted(names, key=lambda name: -operation(name, site).parameters)
    return [name for name in names if name in ranked[:count]]


def _free(site):
    return Cost()


def _skip(site):
    if site.stride == 1:
        return Cost()
    return pointwise(site.channels, site.channels, site.leaving, site.affine)


def _dilated(kernel, site):
    width, shape = site.channels, site.leaving
    depthwise = convolution(1, width, shape, area=kernel**2)
    return depthwise + pointwise(width, width, shape, site.affine)


def _separable(kernel, site):
    # Both halves write the smaller map, as the first has the stride.
    return _dilated(kernel, site) + _dilated(kernel, site)


def _factorized_7x7(site):
    width = site.channels
    between = (site.entering[0], site.leaving[1])
    return (
        convolution(width, width, between, area=7)
        + convolution(width, width, site.leaving, area=7)
        + norm(width, site.affine)
    )


def _dense(kernel, site):
    return dense(
        site.channels, site.channels, site.leaving, kernel, site.affine
    )


OPERATIONS = {
    "none": _free,
    "max_pool_3x3": _free,
    "avg_pool_3x3": _free,
    "skip_connect": _skip,
    "sep_conv_3x3": functools.partial(_separable, 3),
    "sep_conv_5x5": functools.partial(_separable, 5),
    "sep_conv_7x7": functools.partial(_separable, 7),
    "dil_conv_3x3": functools.partial(_dilated, 3),
    "dil_conv_5x5": functools.partial(_dilated, 5),
    "conv_7x1_1x7": _factorized_7x7,
    "nor_conv_1x1": functools.partial(_dense, 1),
    "nor_conv_3x3": functools.partial(_dense, 3),
}


# === Attentions ===


def attention(name, channels, shape):
    """Cost of one of the `ATTENTIONS` of Att-DARTS, or of none (None)."""
    return ATTENTIONS[name](channels, max(1, channels // SQUEEZE), shape)


def _no_attention(channels, hidden, shape):
    return Cost()


def _se(channels, hidden, shape):
    return _mlp(channels, hidden, bias=False)


def _bam(channels, hidden, shape):
    dilated = convolution(hidden, hidden, shape, area=9, bias=True)
    spatial = (
        convolution(channels, hidden, shape, bias=True)
        + norm(hidden)
        + dilated
        + norm(hidden)
        + dilated
        + norm(hidden)
        + convolution(hidden, 1, shape, bias=True)
    )
    return _mlp(channels, hidden) + norm(hidden) + spatial


def _cbam(channels, hidden, shape):
    average_pooled = _mlp(channels, hidden)
    max_pooled = Cost(0, average_pooled.multiply_adds)  # the same weights
    spatial = convolution(2, 1, shape, area=49) + norm(1)
    return average_pooled + max_pooled + spatial


def _gather_excite(channels, hidden, shape):
    gather = convolution(1, channels, (1, 1), area=math.prod(shape))
    return gather + norm(channels) + _mlp(channels, hidden, bias=False)


def _double_attention(channels, hidden, shape):
    inner = channels // 4
    into = convolution(channels, inner, shape, bias=True)
    return into + into + into + convolution(inner, channels, shape, bias=True)


def _mlp(channels, hidden, *, bias=True):
    squeeze = linear(channels, hidden, bias=bias)
    return squeeze + linear(hidden, channels, bias=bias)


ATTENTIONS = {
    None: _no_attention,
    "identity": _no_attention,
    "se": _se,
    "bam": _bam,
    "cbam": _cbam,
    "ge_theta_plus": _gather_excite,
    "double_attention": _double_attention,
}
