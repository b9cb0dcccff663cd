"""Layers that bring a state to a cell's channels and map size."""

import keras
import tensorflow as tf

from tfnas.layers.base import Convolution
from tfnas.layers.fast import kernels


@keras.saving.register_keras_serializable(package="tfnas")
class FactorizedReduce(Convolution):
    """`skip_connect` at stride 2; cells also halve their inputs by it.

    ReLU; two 1x1 stride-2 convolutions, the second on the map moved by one
    pixel, each giving half of the channels; concatenation; batch norm. An odd
    map gets one row and column of zeros, so the result has ceil(size / 2).

    Args:
        channels: output channels of each edge, even.
        **kwargs: passed to `Operation`; the stride is 2.

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
        height, width = activated.shape[1:3]
        padded = tf.pad(
            activated, [[0, 0], [0, height % 2], [0, width % 2], [0, 0]]
        )
        outputs = tf.nn.conv2d(padded, self._kernel(), 2, "VALID")
        return self.norm(outputs, training=training, scale=scale)

    def _kernel(self):
        """Both as one 2x2 convolution, (2, 2, depth, edges * channels).

        The first reads the upper left pixel of each 2x2 square and gives the
        first half of each edge's channels, the second the lower right one.
        """
        halves = [
            tf.reshape(kernel.value, [-1, self.edges, self.channels // 2])
            for kernel in (self.pointwise_1, self.pointwise_2)
        ]
        shape = [-1, self.edges * self.channels]
        zeros = tf.zeros_like(halves[0])
        first = tf.reshape(tf.concat([halves[0], zeros], -1), shape)
        second = tf.reshape(tf.concat([zeros, halves[1]], -1), shape)
        nothing = tf.zeros_like(first)
        return tf.stack(
            [tf.stack([first, nothing]), tf.stack([nothing, second])]
        )


@keras.saving.register_keras_serializable(package="tfnas")
class ReluConvolution(Convolution):
    """ReLU, 1x1 convolution to `channels`, batch norm (ReLUConvBN).

    Args:
        channels: output channels; the input may have another number.
        **kwargs: passed to `Operation`.

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
