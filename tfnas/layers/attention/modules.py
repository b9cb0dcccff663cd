"""The attention modules of Att-DARTS (Nakai et al., 2020; survey 3.1).

Each is a Keras layer that takes the maps of `edges` edges side by side, (N, H,
W, edges * C), and returns maps of the same shape; each edge has its own
weights. In an evaluation network `edges` is 1. The structures follow the
Att-DARTS code, which differs from the cited papers in places.
"""

import keras
import numpy as np
import tensorflow as tf

from tfnas.layers.fast import kernels
from tfnas.layers.fast.normalization import BatchNormalization

# Input channels for each channel inside a bottleneck: the papers' r.
SQUEEZE = 16


class Attention(keras.layers.Layer):
    """The base of all attentions: inputs * mask + rest.

    Batch norms have a scale and an offset even in a search network. Below 16
    channels, where the authors' bottleneck would have no channel, it has one.

    Args:
        channels: C of each edge.
        edges: how many edges are served, each with its own weights.
        **kwargs: passed to `keras.layers.Layer`.
    """

    def __init__(self, channels, edges=1, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.edges = edges
        self.hidden = max(1, channels // SQUEEZE)

    def call(self, inputs, training=False):
        share = tf.ones([self.edges * self.channels], inputs.dtype)
        mask, rest = self.parts(
            inputs, average(inputs), share, training=training
        )
        return inputs * mask + rest

    def parts(self, inputs, pooled, share, training=False):
        """The mask and the rest, times a share of each channel.

        A mixed attention, which averages once for several and sums masks, calls
        this. The share multiplies where the maps are smallest.

        Args:
            inputs: (N, H, W, edges * C).
            pooled: `average(inputs)`.
            share: (edges * C,), weight of this attention.
            training: whether batch norms use and gather batch statistics.

        Returns:
            (mask, rest): what to multiply the input by and what to add, in
            shapes that broadcast to that of `inputs`.
        """
        return share * self.mask(inputs, pooled, training=training), 0

    def kernel(self, name, shape, fan_in):
        return self.add_weight(
            name=name, shape=shape, initializer=kernels.uniform(fan_in)
        )

    def kernel_and_bias(self, name, shape, fan_in):
        kernel = self.kernel(name, shape, fan_in)
        return kernel, self.kernel(f"{name}_bias", shape[-1:], fan_in)

    def batch_norm(self, name, channels, momentum=0.9):
        norm = BatchNormalization(
            momentum=momentum, name=name, dtype=self.dtype_policy
        )
        norm.build((None, None, None, channels))
        return norm

    def pointwise(self, inputs, kernel, bias=None):
        """1x1 convolution, or fully connected layer on a pooled map.

        The kernel is (1, 1, C, edges * D) or (C, edges * D).
        """
        kernel = kernel.value
        if kernel.shape.rank == 2:
            kernel = kernel[None, None]
        outputs = kernels.pointwise(inputs, kernel, self.edges)
        return outputs if bias is None else outputs + bias.value

    def by_edge(self, wide):
        """(N, H, W, edges * C) -> (N, H, W, edges, C)."""
        depth = wide.shape[-1] // self.edges
        return tf.reshape(wide, [-1, *wide.shape[1:3], self.edges, depth])

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "edges": self.edges,
        }


def average(inputs):
    """Global average pool that keeps its axes: (N, H, W, C) -> (N, 1, 1, C)."""
    return tf.reduce_mean(inputs, [1, 2], keepdims=True)


@keras.saving.register_keras_serializable(package="tfnas")
class IdentityAttention(Attention):
    """`identity`: no attention, the input itself.

    Example: `IdentityAttention(16)(tf.ones((1, 8, 8, 16)))`.
    """

    def build(self, input_shape):
        self.built = True

    def call(self, inputs, training=False):
        return inputs

    def parts(self, inputs, pooled, share, training=False):
        return share, 0


@keras.saving.register_keras_serializable(package="tfnas")
class SqueezeExcitation(Attention):
    """`se`: weigh channels by a bottleneck on their averages.

    "Squeeze-and-Excitation Networks" (Hu et al., 2018), without biases.

    Example: `SqueezeExcitation(16)(tf.ones((1, 8, 8, 16)))`.
    """

    def build(self, input_shape):
        c, h = self.channels, self.hidden
        self.squeeze = self.kernel("squeeze", (c, h * self.edges), c)
        self.excite = self.kernel("excite", (h, c * self.edges), h)
        self.built = True

    def mask(self, inputs, pooled, training=False):
        x = tf.nn.relu(self.pointwise(pooled, self.squeeze))
        return tf.sigmoid(self.pointwise(x, self.excite))


@keras.saving.register_keras_serializable(package="tfnas")
class ConvolutionalBlockAttention(Attention):
    """`cbam`: weigh channels, then positions of the weighted map.

    "CBAM: Convolutional Block Attention Module" (Woo et al., 2018). Channels:
    one bottleneck for both their averages and their maxima. Positions: a 7x7
    convolution on the maximum and the mean over channels, then a batch norm
    whose moving statistics move by 0.01.

    Example: `ConvolutionalBlockAttention(16)(tf.ones((1, 8, 8, 16)))`.
    """

    def build(self, input_shape):
        c, h, edges = self.channels, self.hidden, self.edges
        self.squeeze, self.squeeze_bias = self.kernel_and_bias(
            "squeeze", (c, h * edges), c
        )
        self.excite, self.excite_bias = self.kernel_and_bias(
            "excite", (h, c * edges), h
        )
        self.spatial = self.kernel("spatial", (7, 7, 2, edges), 2 * 7 * 7)
        self.norm = self.batch_norm("norm", edges, momentum=0.99)
        self.built = True

    def parts(self, inputs, pooled, share, training=False):
        largest = tf.reduce_max(inputs, [1, 2], keepdims=True)
        by_channel = tf.sigmoid(
            self._bottleneck(pooled) + self._bottleneck(largest)
        )
        by_position = self._by_position(inputs * by_channel, training)
        return kernels.position_by_channel(by_position, share * by_channel), 0

    def _bottleneck(self, pooled):
        x = self.pointwise(pooled, self.squeeze, self.squeeze_bias)
        return self.pointwise(tf.nn.relu(x), self.excite, self.excite_bias)

    def _by_position(self, weighed, training):
        maps = self.by_edge(weighed)
        # Each edge reads one map of either kind: a depthwise convolution.
        kinds = [tf.reduce_max(maps, -1), tf.reduce_mean(maps, -1)]
        kernel = tf.reshape(self.spatial.value, [7, 7, 2 * self.edges, 1])
        x = kernels.depthwise(tf.concat(kinds, -1), kernel)
        x = tf.add_n(tf.split(x, 2, -1))
        return tf.sigmoid(self.norm(x, training=training))


@keras.saving.register_keras_serializable(package="tfnas")
class GatherExcite(Attention):
    """`ge_theta_plus`: weigh channels by a bottleneck on learned sums.

    "Gather-Excite" (Hu et al., 2018) of global extent: a depthwise kernel as
    large as the map gathers it into one number a channel, so the layer has C *
    H * W weights. A map of another size, as `--sizes` makes them, has the
    kernel that gathers the same sum from it.

    Example: `GatherExcite(16)(tf.ones((1, 8, 8, 16)))`.
    """

    def build(self, input_shape):
        c, h, edges = self.channels, self.hidden, self.edges
        height, width = input_shape[1:3]
        if height is None or width is None:
            raise ValueError(
                "ge_theta_plus: has a weight for each pixel; give the model "
                "an input of fixed height and width"
            )
        self.gather = self.kernel(
            "gather", (height, width, c * edges, 1), height * width
        )
        self.norm = self.batch_norm("norm", c * edges)
        self.squeeze = self.kernel("squeeze", (1, 1, c, h * edges), c)
        self.excite = self.kernel("excite", (1, 1, h, c * edges), h)
        self.built = True

    def mask(self, inputs, pooled, training=False):
        # A convolution that is as large as its input is a weighted sum.
        products = inputs * self._gather_from(inputs.shape[1:3])
        x = tf.reduce_sum(products, [1, 2], keepdims=True)
        x = self.pointwise(self.norm(x, training=training), self.squeeze)
        return tf.sigmoid(self.pointwise(tf.nn.relu(x), self.excite))

    def _gather_from(self, size):
        """The kernel (height, width, C) for a map of this size.

        A larger pixel weighs as much as the pixels that it covers.
        """
        kernel = self.gather.value[..., 0]
        if None in size or tuple(size) == tuple(kernel.shape[:2]):
            return kernel
        rows, columns = (
            tf.constant(_covered(*pair), kernel.dtype)
            for pair in zip(size, kernel.shape[:2], strict=True)
        )
        return tf.einsum("ip,pqc,jq->ijc", rows, kernel, columns)


def _covered(pixels, whole):
    """Shares (pixels, whole) of a whole line's pixels under larger ones."""
    ends = np.arange(pixels + 1)[:, None] * whole / pixels
    places = np.arange(whole)
    overlap = np.minimum(ends[1:], places + 1) - np.maximum(ends[:-1], places)
    return np.maximum(overlap, 0)


@keras.saving.register_keras_serializable(package="tfnas")
class DoubleAttention(Attention):
    """`double_attention`: gather global features, hand them to each position.

    "A^2-Nets: Double Attention Networks" (Chen et al., 2018, section 3). With m
    = C // 4 (1 below 4 channels), 1x1 convolutions make three maps of m
    channels: features; `where` to gather them, a softmax over positions;
    `which` of them each position gets, a softmax over channels. A last one
    brings the result back to C channels, and the input is added.

    Example: `DoubleAttention(16)(tf.ones((1, 8, 8, 16)))`.
    """

    def build(self, input_shape):
        c, edges = self.channels, self.edges
        m = max(1, c // 4)
        into, back = (1, 1, c, m * edges), (1, 1, m, c * edges)
        self.feature, self.feature_bias = self.kernel_and_bias(
            "feature", into, c
        )
        self.where, self.where_bias = self.kernel_and_bias("where", into, c)
        self.which, self.which_bias = self.kernel_and_bias("which", into, c)
        self.back, self.back_bias = self.kernel_and_bias("back", back, m)
        self.built = True

    def parts(self, inputs, pooled, share, training=False):
        # (N, edges, m, H * W): positions last, where products read them.
        feature, where, which = self._project(inputs)
        gathered = tf.matmul(feature, tf.nn.softmax(where), transpose_b=True)
        # oneDNN's softmax is slow over any axis but the last.
        which = tf.exp(which - tf.reduce_logsumexp(which, 2, True))
        handed = tf.matmul(gathered, which)
        _, height, width, _ = inputs.shape
        middle = self.edges * feature.shape[2]
        handed = tf.transpose(
            tf.reshape(handed, [-1, middle, height * width]), [0, 2, 1]
        )
        rest = kernels.pointwise(
            tf.reshape(handed, [-1, height, width, middle]),
            self.back.value * share,
            self.edges,
        )
        return share, rest + self.back_bias.value * share

    def _project(self, inputs):
        """The three maps (N, edges, m, H * W) by one convolution."""

        def beside(*variables):
            own = [
                tf.reshape(v.value, [-1, self.edges, v.shape[-1] // self.edges])
                for v in variables
            ]
            return tf.concat(own, -1)

        kernel = beside(self.feature, self.where, self.which)
        bias = beside(self.feature_bias, self.where_bias, self.which_bias)
        maps = kernels.pointwise(
            inputs,
            tf.reshape(kernel, [1, 1, self.channels, -1]),
            self.edges,
        )
        _, height, width, _ = inputs.shape
        maps = tf.reshape(maps, [-1, height * width, maps.shape[-1]])
        maps = tf.transpose(maps + tf.reshape(bias, [-1]), [0, 2, 1])
        maps = tf.reshape(
            maps, [-1, self.edges, bias.shape[-1], height * width]
        )
        return tf.split(maps, 3, 2)
