"""The attention module BAM, with its dilated convolutions."""

import keras
import tensorflow as tf

from tfnas.layers.attention.modules import Attention
from tfnas.layers.fast import kernels

DILATION = 4


@keras.saving.register_keras_serializable(package="tfnas")
class BottleneckAttention(Attention):
    """`bam`: 1 + sigmoid(channel logits * position logits).

    "BAM: Bottleneck Attention Module" (Park et al., 2018), with the product of
    the two instead of their sum (the paper's equation 2), and no batch norm on
    either. Channels: a bottleneck on their averages. Positions: 1x1 to the
    bottleneck's channels, twice 3x3 with dilation 4, 1x1 to one map.

    Example: `BottleneckAttention(32)(tf.ones((2, 8, 8, 32)))`.
    """

    def build(self, input_shape):
        c, h, edges = self.channels, self.hidden, self.edges
        # === Channels ===
        self.squeeze, self.squeeze_bias = self.kernel_and_bias(
            "squeeze", (c, h * edges), c
        )
        self.squeeze_norm = self.batch_norm("squeeze_norm", h * edges)
        self.excite, self.excite_bias = self.kernel_and_bias(
            "excite", (h, c * edges), h
        )
        # === Positions ===
        self.reduce, self.reduce_bias = self.kernel_and_bias(
            "reduce", (1, 1, c, h * edges), c
        )
        self.reduce_norm = self.batch_norm("reduce_norm", h * edges)
        self.dilated_1, self.dilated_1_bias = self.kernel_and_bias(
            "dilated_1", (3, 3, h, h * edges), 9 * h
        )
        self.norm_1 = self.batch_norm("norm_1", h * edges)
        self.dilated_2, self.dilated_2_bias = self.kernel_and_bias(
            "dilated_2", (3, 3, h, h * edges), 9 * h
        )
        self.norm_2 = self.batch_norm("norm_2", h * edges)
        self.spatial, self.spatial_bias = self.kernel_and_bias(
            "spatial", (1, 1, h, edges), h
        )
        self.built = True

    def parts(self, inputs, pooled, share, training=False):
        logits = kernels.position_by_channel(
            self._by_position(inputs, training),
            self._by_channel(pooled, training),
        )
        return share + share * tf.sigmoid(logits), 0

    def _by_channel(self, pooled, training):
        x = self.pointwise(pooled, self.squeeze, self.squeeze_bias)
        x = tf.nn.relu(self.squeeze_norm(x, training=training))
        return self.pointwise(x, self.excite, self.excite_bias)

    def _by_position(self, inputs, training):
        x = self.pointwise(inputs, self.reduce, self.reduce_bias)
        x = tf.nn.relu(self.reduce_norm(x, training=training))
        x = dilated(x, self.dilated_1.value, self.edges)
        x = self.norm_1(x + self.dilated_1_bias.value, training=training)
        x = dilated(tf.nn.relu(x), self.dilated_2.value, self.edges)
        x = self.norm_2(x + self.dilated_2_bias.value, training=training)
        return self.pointwise(tf.nn.relu(x), self.spatial, self.spatial_bias)


def dilated(inputs, kernel, edges=1):
    """3x3 convolution with dilation 4 and as much zero padding.

    On a CPU, of dilated convolutions TensorFlow has only the depthwise one's
    gradient. So each pair of an input and an output channel is a depthwise
    convolution, and those of one output channel are summed.

    Args:
        inputs: (N, H, W, edges * C).
        kernel: (3, 3, C, edges * D), as for a convolution in `edges` groups.
        edges: number of groups.

    Returns:
        (N, H, W, edges * D).
    """
    size, _, depth, width = kernel.shape
    own = width // edges
    pairs = tf.reshape(kernel, [size, size, depth, edges, own])
    pairs = tf.transpose(pairs, [0, 1, 3, 2, 4])
    outputs = kernels.depthwise(
        tf.repeat(inputs, own, -1) if own > 1 else inputs,
        tf.reshape(pairs, [size, size, depth * width, 1]),
        dilation=DILATION,
    )
    if depth == 1:
        return outputs
    shape = [-1, *inputs.shape[1:3]]
    outputs = tf.reshape(outputs, [*shape, edges, depth, own])
    return tf.reshape(tf.reduce_sum(outputs, -2), [*shape, width])
