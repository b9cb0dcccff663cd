"""The operations that an edge can carry (survey 3.1; DARTS, section 2.1).

Each is a Keras layer that takes one state (N, H, W, C) and returns the
operation's result for `edges` edges side by side (N, h, w, edges * C); each
edge has its own weights. In an evaluation network `edges` is 1. If all edges
share the result (pools, identity), it stays (N, h, w, C). Convolutions are
ReLU, convolution, batch norm, without bias.
"""

import functools

import keras
import tensorflow as tf

from tfnas.genotype import ATTENTIONS
from tfnas.layers.attention.operation import AttentionOperation
from tfnas.layers.base import Convolution, Operation
from tfnas.layers.fast import kernels
from tfnas.layers.fast.max_pooling import max_pool
from tfnas.layers.reduction import FactorizedReduce


@keras.saving.register_keras_serializable(package="tfnas")
class Identity(Operation):
    """`skip_connect` at stride 1: the state itself.

    Example: `Identity(16)(state)`.
    """

    shared = True

    def build(self, input_shape):
        self.built = True

    def call(self, state, training=False):
        return state


@keras.saving.register_keras_serializable(package="tfnas")
class Zero(Operation):
    """`none` in a genotype: zeros in the shape of a result.

    A search network does not need it; only its weight counts there.

    Example: `Zero(16, stride=2)(state)`.
    """

    shared = True

    def build(self, input_shape):
        self.built = True

    def call(self, state, training=False):
        return tf.zeros_like(kernels.subsample(state, self.stride))


@keras.saving.register_keras_serializable(package="tfnas")
class Pool(Operation):
    """`max_pool_3x3` and `avg_pool_3x3`: 3x3, padding 1.

    The average does not count the padding. A search cell normalises the result
    (without scale and offset); an evaluation cell does not.

    Args:
        kind: "max" or "avg".
        normalize: whether a batch norm follows.
        **kwargs: passed to `Operation`.

    Example: `Pool("max", channels=16, normalize=False)(state)`.
    """

    shared = True

    def __init__(self, kind, channels, normalize, **kwargs):
        super().__init__(channels, **kwargs)
        self.kind = kind
        self.normalize = normalize

    def build(self, input_shape):
        if self.normalize:
            self.norm = self.batch_norm("norm")
            self.norm.build((*input_shape[:3], self.channels))
        self.built = True

    def call(self, state, training=False):
        if self.kind == "max":
            outputs = max_pool(state)
        else:
            outputs = tf.nn.avg_pool2d(state, 3, 1, "SAME")
        # Slicing the stride-1 result gives PyTorch's symmetric padding.
        outputs = kernels.subsample(outputs, self.stride)
        if self.normalize:
            outputs = self.norm(outputs, training=training)
        return outputs

    def get_config(self):
        return {
            **super().get_config(),
            "kind": self.kind,
            "normalize": self.normalize,
        }


@keras.saving.register_keras_serializable(package="tfnas")
class SeparableConvolution(Convolution):
    """`sep_conv_kxk`: twice (ReLU, depthwise kxk, pointwise, batch norm).

    The stride is the first depthwise convolution's.

    Args:
        channels, kernel_size: C and k (3, 5 or 7).
        **kwargs: passed to `Operation`.

    Example: `SeparableConvolution(16, 3, stride=2)(state)`.
    """

    def __init__(self, channels, kernel_size, **kwargs):
        super().__init__(channels, **kwargs)
        self.kernel_size = kernel_size

    def build(self, input_shape):
        k, c, wide = self.kernel_size, self.channels, self.channels * self.edges
        shape = (*input_shape[:3], wide)
        self.depthwise_1 = self.kernel("depthwise_1", (k, k, wide, 1), k * k)
        self.pointwise_1 = self.kernel("pointwise_1", (1, 1, c, wide), c)
        self.norm_1 = self.batch_norm("norm_1")
        self.norm_1.build(shape)
        self.depthwise_2 = self.kernel("depthwise_2", (k, k, wide, 1), k * k)
        self.pointwise_2 = self.kernel("pointwise_2", (1, 1, c, wide), c)
        self.norm_2 = self.batch_norm("norm_2")
        self.norm_2.build(shape)
        self.built = True

    def convolve(self, activated, training=False, scale=None):
        x = kernels.depthwise(activated, self.depthwise_1.value, self.stride)
        x = kernels.pointwise(x, self.pointwise_1.value, self.edges)
        x = tf.nn.relu(self.norm_1(x, training=training))
        x = kernels.depthwise(x, self.depthwise_2.value)
        x = kernels.pointwise(x, self.pointwise_2.value, self.edges)
        return self.norm_2(x, training=training, scale=scale)

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable(package="tfnas")
class DilatedConvolution(Convolution):
    """`dil_conv_kxk`: ReLU, depthwise kxk with dilation 2, pointwise, norm.

    Args:
        channels, kernel_size: C and k (3 or 5).
        **kwargs: passed to `Operation`.

    Example: `DilatedConvolution(16, 5)(state)`.
    """

    def __init__(self, channels, kernel_size, **kwargs):
        super().__init__(channels, **kwargs)
        self.kernel_size = kernel_size

    def build(self, input_shape):
        k, c, wide = self.kernel_size, self.channels, self.channels * self.edges
        self.depthwise = self.kernel("depthwise", (k, k, wide, 1), k * k)
        self.pointwise = self.kernel("pointwise", (1, 1, c, wide), c)
        self.norm = self.batch_norm("norm")
        self.norm.build((*input_shape[:3], wide))
        self.built = True

    def convolve(self, activated, training=False, scale=None):
        x = kernels.depthwise(
            activated, self.depthwise.value, self.stride, dilation=2
        )
        x = kernels.pointwise(x, self.pointwise.value, self.edges)
        return self.norm(x, training=training, scale=scale)

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable(package="tfnas")
class FactorizedConvolution(Convolution):
    """`conv_7x1_1x7`: ReLU, 1x7, then 7x1 convolution, batch norm.

    Only NASNet's and AmoebaNet's cells have it, so it serves one edge. The
    first convolution has the stride along the rows, the second along the
    columns.

    Args:
        channels: C.
        **kwargs: passed to `Operation`; `edges` is 1.

    Example: `FactorizedConvolution(16, stride=2)(state)`.
    """

    def build(self, input_shape):
        c = self.channels
        self.horizontal = self.kernel("horizontal", (1, 7, c, c), 7 * c)
        self.vertical = self.kernel("vertical", (7, 1, c, c), 7 * c)
        self.norm = self.batch_norm("norm")
        self.norm.build((*input_shape[:3], c))
        self.built = True

    def convolve(self, activated, training=False, scale=None):
        x = tf.pad(activated, [[0, 0], [0, 0], [3, 3], [0, 0]])
        x = tf.nn.conv2d(x, self.horizontal.value, [1, self.stride], "VALID")
        x = tf.pad(x, [[0, 0], [3, 3], [0, 0], [0, 0]])
        x = tf.nn.conv2d(x, self.vertical.value, [self.stride, 1], "VALID")
        return self.norm(x, training=training, scale=scale)


@keras.saving.register_keras_serializable(package="tfnas")
class DenseConvolution(Convolution):
    """`nor_conv_kxk` of NAS-Bench-201: ReLU, kxk convolution, batch norm.

    As in the authors' code, the convolution has a bias if the norm is not
    affine. The residual blocks between the stacks consist of two of them.

    Args:
        channels: output channels of each edge; the input may have others.
        kernel_size: k (1 or 3).
        **kwargs: passed to `Operation`.

    Example: `DenseConvolution(16, 3)(state)`.
    """

    # The convolutions of all edges read the same map, so they are one.
    reads_wide = False

    def __init__(self, channels, kernel_size, **kwargs):
        super().__init__(channels, **kwargs)
        self.kernel_size = kernel_size

    def build(self, input_shape):
        k, depth = self.kernel_size, input_shape[-1]
        wide = self.channels * self.edges
        self.dense = self.kernel("kernel", (k, k, depth, wide), k * k * depth)
        self.bias = None
        if not self.affine:
            self.bias = self.kernel("bias", (wide,), k * k * depth)
        self.norm = self.batch_norm("norm")
        self.norm.build((*input_shape[:3], wide))
        self.built = True

    def convolve(self, activated, training=False, scale=None):
        pad = self.kernel_size // 2
        x = tf.nn.conv2d(
            activated,
            self.dense.value,
            self.stride,
            [[0, 0], [pad, pad], [pad, pad], [0, 0]],
        )
        if self.bias is not None:
            x = tf.nn.bias_add(x, self.bias.value)
        return self.norm(x, training=training, scale=scale)

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}


# The layer of each primitive, from `channels` and the arguments of `Operation`.
LAYERS = {
    "none": Zero,
    "max_pool_3x3": functools.partial(Pool, "max"),
    "avg_pool_3x3": functools.partial(Pool, "avg"),
    "sep_conv_3x3": functools.partial(SeparableConvolution, kernel_size=3),
    "sep_conv_5x5": functools.partial(SeparableConvolution, kernel_size=5),
    "sep_conv_7x7": functools.partial(SeparableConvolution, kernel_size=7),
    "dil_conv_3x3": functools.partial(DilatedConvolution, kernel_size=3),
    "dil_conv_5x5": functools.partial(DilatedConvolution, kernel_size=5),
    "conv_7x1_1x7": FactorizedConvolution,
    "nor_conv_1x1": functools.partial(DenseConvolution, kernel_size=1),
    "nor_conv_3x3": functools.partial(DenseConvolution, kernel_size=3),
}


def operation(name, channels, *, stride=1, normalize_pools=False, **kwargs):
    """The layer of a primitive, or of an attention, by its published name.

    `normalize_pools` puts a batch norm after a pool (search cells). The rest is
    as in `Operation`.
    """
    kwargs = {"channels": channels, "stride": stride, "name": name, **kwargs}
    if name == "skip_connect":
        return (Identity if stride == 1 else FactorizedReduce)(**kwargs)
    if name in ATTENTIONS:
        return AttentionOperation(name, **kwargs)
    if "pool" in name:
        kwargs["normalize"] = normalize_pools
    return LAYERS[name](**kwargs)
