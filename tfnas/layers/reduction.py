"""How a cell brings a state to its own channels and map size."""

import keras
import tensorflow as tf

from tfnas.layers import kernels
from tfnas.layers.operation import Convolution


@keras.saving.register_keras_serializable(package="tfnas")
class FactorizedReduce(Convolution):
    """`skip_connect` at stride 2, and a cell's way to halve its input.

    ReLU; two 1x1 stride-2 convolutions, the second on the map moved by one
    pixel, each giving half of the channels; concatenation; batch norm. An odd
    map is padded with one row and column of zeros, so ceil(size / 2) results.

    Args:
        channels: output channels of each edge, even.
        **kwargs: as of `Operation`; the stride is 2.

    Example: `FactorizedReduce(32)(state)`.
    """

    # The 1x1 convolutions of all edges read the same map.
    reads_wide = False

    def __init__(self, channels, stride=2, **kwargs):
        super().__init__(channels, stride=stride, **kwargs)

    def build(self, input_shape):
        depth, wide = input_shape[-1], self.channels * self.edges
        shape = (1, 1, depth, wide // 2)
        self.pointwise_1 = self.kernel("pointwise_1", shape, depth)
        self.pointwise_2 = self.kernel("pointwise_2", shape, depth)
        self.norm = self.batch_norm("norm")
        self.norm.build((*input_shape[:3], wide))
        self.built = True

    def convolve(self, activated, training=False, scale=None):
        even, odd = _even_and_odd_pixels(activated)
        first = tf.nn.conv2d(even, self.pointwise_1.value, 1, "VALID")
        second = tf.nn.conv2d(odd, self.pointwise_2.value, 1, "VALID")
        outputs = _interleave(first, second, self.edges)
        return self.norm(outputs, training=training, scale=scale)


def _even_and_odd_pixels(x):
    """x[0::2, 0::2] and x[1::2, 1::2] of a map padded to even sizes."""
    height, width = x.shape[1], x.shape[2]
    padded = tf.pad(x, [[0, 0], [0, height % 2], [0, width % 2], [0, 0]])
    return padded[:, ::2, ::2, :], padded[:, 1::2, 1::2, :]


def _interleave(first, second, edges):
    """Concatenate the two halves edge by edge, not all firsts before."""
    if edges == 1:
        return tf.concat([first, second], -1)
    size, half = first.shape[1:3], first.shape[-1] // edges
    halves = [tf.reshape(x, [-1, *size, edges, half]) for x in (first, second)]
    return tf.reshape(tf.concat(halves, -1), [-1, *size, 2 * half * edges])


@keras.saving.register_keras_serializable(package="tfnas")
class ReluConvolution(Convolution):
    """ReLU, 1x1 convolution to `channels`, batch norm (ReLUConvBN).

    Args:
        channels: output channels; the input may have another number.
        **kwargs: as of `Operation`.

    Example: `ReluConvolution(16)(state)`.
    """

    def build(self, input_shape):
        depth = input_shape[-1]
        self.pointwise = self.kernel(
            "pointwise", (1, 1, depth, self.channels), depth
        )
        self.norm = self.batch_norm("norm")
        self.norm.build((*input_shape[:3], self.channels))
        self.built = True

    def convolve(self, activated, training=False, scale=None):
        x = kernels.pointwise(activated, self.pointwise.value)
        return self.norm(x, training=training, scale=scale)
