"""Layers written out from their definitions, for the second implementations.

Plain TensorFlow in float64, one edge at a time, and nothing of tfnas. Maps are
padded as PyTorch pads them, alike on all sides; batch norm is its formula. Only
the weights are those of the network under test; `Part` finds them by their
paths.

Sources: DARTS (arXiv:1806.09055), section 2.1, and its authors' code
(github.com/quark0/darts, commit f276dd3, `cnn/operations.py`).
"""

import dataclasses

import numpy as np
import tensorflow as tf

# Kernels (k, k, edges * C, 1); of all others the last axis has the edges.
DEPTHWISE = ("depthwise", "depthwise_1", "depthwise_2", "gather")


@dataclasses.dataclass(frozen=True)
class Part:
    """The variables below a path, cut to one of the edges side by side.

    Attributes:
        values: {path: variable} of the network.
        training: whether batch norms use the batch's statistics.
        path: with a slash at its end, or "".
        edge, edges: the place among the edges that a variable serves.
    """

    values: dict
    training: bool
    path: str = ""
    edge: int = 0
    edges: int = 1

    @classmethod
    def of(cls, network, training):
        """All of a network; its own name does not lead the paths."""
        paths = {v.path: v.value for v in network.variables}
        return cls(
            {k.removeprefix(f"{network.name}/"): v for k, v in paths.items()},
            training,
        )

    def __truediv__(self, name):
        return dataclasses.replace(self, path=f"{self.path}{name}/")

    def on(self, edge, edges):
        return dataclasses.replace(self, edge=edge, edges=edges)

    def __contains__(self, name):
        return self.path + name in self.values

    def __getitem__(self, name):
        whole = tf.convert_to_tensor(self.values[self.path + name])
        if self.edges == 1:
            return whole
        axis = 2 if name in DEPTHWISE else -1
        return tf.split(whole, self.edges, axis)[self.edge]


# === Layers ===


def padded(x, size, value=0.0):
    """With so much around it that a kernel of this size keeps the map's."""
    margin = [size // 2] * 2
    return tf.pad(x, [[0, 0], margin, margin, [0, 0]], constant_values=value)


def convolution(x, kernel, stride=1):
    """The kernel is (k, k, C, D)."""
    x = padded(x, kernel.shape[0])
    return tf.nn.conv2d(x, kernel, stride, "VALID")


def spread(kernel, dilation):
    """The same kernel with zeros between its taps."""
    size = kernel.shape[0]
    places = np.eye(dilation * (size - 1) + 1)[::dilation]
    return tf.einsum("ir,js,ijcd->rscd", places, places, kernel)


def depthwise(x, kernel, stride=1):
    """The kernel is (k, k, C, 1)."""
    x, steps = padded(x, kernel.shape[0]), [1, stride, stride, 1]
    return tf.nn.depthwise_conv2d(x, kernel, steps, "VALID")


def linear(x, kernel):
    """x (..., C) times (C, D); so too a 1x1 convolution, (1, 1, C, D)."""
    return tf.tensordot(x, tf.reshape(kernel, kernel.shape[-2:]), 1)


def max_pool(x, stride=1):
    """3x3; what is outside of the map never wins."""
    x = padded(x, 3, value=-np.inf)
    return tf.nn.max_pool2d(x, 3, stride, "VALID")


def average_pool(x, stride=1):
    """3x3; what is outside of the map does not count."""
    total, count = (
        tf.nn.avg_pool2d(padded(maps, 3), 3, stride, "VALID")
        for maps in (x, tf.ones_like(x))
    )
    return total / count


def batch_norm(x, part):
    """(x - mean) / sqrt(variance + 1e-5), then scale and offset if any."""
    mean, variance = part["moving_mean"], part["moving_variance"]
    if part.training:
        axes = list(range(len(x.shape) - 1))
        mean = tf.reduce_mean(x, axes)
        variance = tf.reduce_mean((x - mean) ** 2, axes)
    x = (x - mean) / tf.sqrt(variance + 1e-5)
    return x * part["gamma"] + part["beta"] if "gamma" in part else x


def classify(x, part):
    """Global average pooling and the linear layer."""
    return linear(tf.reduce_mean(x, [1, 2]), part["kernel"]) + part["bias"]


# === Candidate operations ===


def none(x, part, stride):
    return 0 * x[:, ::stride, ::stride]


def pool(function):
    """As a candidate of DARTS's supernet, with a norm that all edges share."""

    def pooled(x, part, stride):
        return batch_norm(function(x, stride), part.on(0, 1) / "norm")

    return pooled


def skip(x, part, stride):
    return x if stride == 1 else factorized_reduce(x, part)


def factorized_reduce(x, part):
    """Half of the channels from even rows and columns, half from odd ones."""
    x = tf.nn.relu(x)
    halves = [
        linear(x[:, first::2, first::2], part[f"pointwise_{first + 1}"])
        for first in (0, 1)
    ]
    return batch_norm(tf.concat(halves, -1), part / "norm")


def relu_conv_bn(x, part):
    return batch_norm(linear(tf.nn.relu(x), part["pointwise"]), part / "norm")


def separable(x, part, stride):
    for half, step in ((1, stride), (2, 1)):
        x = depthwise(tf.nn.relu(x), part[f"depthwise_{half}"], step)
        x = linear(x, part[f"pointwise_{half}"])
        x = batch_norm(x, part / f"norm_{half}")
    return x


def dilated(x, part, stride):
    x = depthwise(tf.nn.relu(x), spread(part["depthwise"], 2), stride)
    return batch_norm(linear(x, part["pointwise"]), part / "norm")


def dense(x, part, stride):
    """NAS-Bench-201's; its convolution has a bias if its norm has no offset."""
    x = convolution(tf.nn.relu(x), part["kernel"], stride)
    x = x + part["bias"] if "bias" in part else x
    return batch_norm(x, part / "norm")


# Of networks to be trained, and of NAS-Bench-201.
OPERATIONS = {
    "none": none,
    "max_pool_3x3": lambda x, part, stride: max_pool(x, stride),
    "avg_pool_3x3": lambda x, part, stride: average_pool(x, stride),
    "skip_connect": skip,
    "sep_conv_3x3": separable,
    "sep_conv_5x5": separable,
    "dil_conv_3x3": dilated,
    "dil_conv_5x5": dilated,
    "nor_conv_1x1": dense,
    "nor_conv_3x3": dense,
}
# Of DARTS's supernet, in the order of alpha.
SEARCHED = {name: OPERATIONS[name] for name in list(OPERATIONS)[:8]}
SEARCHED["max_pool_3x3"] = pool(max_pool)
SEARCHED["avg_pool_3x3"] = pool(average_pool)
