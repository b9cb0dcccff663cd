"""Layers of the mobile space: the inverted bottleneck and its mixture.

Source: Sandler et al., MobileNetV2 (arXiv:1801.04381), section 3; candidates
of a layer as in Fair DARTS (arXiv:1911.12126), see `tfnas.spaces.mobile`.
Batch norms have a scale and an offset in the search too, as in ProxylessNAS.
"""

import keras
import tensorflow as tf

from tfnas.layers.base import Operation
from tfnas.layers.fast import kernels
from tfnas.spaces.chain import parts


class Bounded(Operation):
    """An operation whose activations are ReLU6."""

    # Named as in `keras.layers.ReLU`; None is a ReLU.
    max_value = 6.0

    def activate(self, x):
        return keras.activations.relu(x, max_value=self.max_value)


@keras.saving.register_keras_serializable(package="tfnas")
class ConvolutionBlock(Bounded):
    """Convolution, batch norm, ReLU6: the stem and the last layer.

    Args:
        channels: output channels.
        kernel_size: k, odd; the padding is symmetric.
        **kwargs: `stride` and the rest as in `Operation`.

    Example: `ConvolutionBlock(32, 3, stride=2)(images)`.
    """

    def __init__(self, channels, kernel_size, **kwargs):
        super().__init__(channels, **kwargs)
        self.kernel_size = kernel_size

    def build(self, input_shape):
        k, depth = self.kernel_size, input_shape[-1]
        shape = (k, k, depth, self.channels)
        self.convolution = self.kernel("convolution", shape, k * k * depth)
        self.norm = self.batch_norm("norm")
        self.norm.build((*input_shape[:3], self.channels))
        self.built = True

    def call(self, state, training=False):
        pad = self.kernel_size // 2
        x = tf.pad(state, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
        x = tf.nn.conv2d(x, self.convolution.value, self.stride, "VALID")
        return self.activate(self.norm(x, training=training))

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable(package="tfnas")
class InvertedBottleneck(Bounded):
    """`mb_kxk_ee`: 1x1 to e times the channels, depthwise kxk, 1x1 back.

    A batch norm follows each convolution and ReLU6 the first two. The input is
    added if it has the result's shape. Without expansion (e = 1) there is no
    first convolution.

    Args:
        channels: output channels.
        kernel_size: k, odd.
        expansion: e, hidden channels for one of the input.
        **kwargs: `stride` and the rest as in `Operation`.

    Example: `InvertedBottleneck(40, 5, expansion=6, stride=2)(state)`.
    """

    def __init__(self, channels, kernel_size, expansion, **kwargs):
        super().__init__(channels, **kwargs)
        self.kernel_size = kernel_size
        self.expansion = expansion

    def build(self, input_shape):
        k, depth = self.kernel_size, input_shape[-1]
        wide = depth * self.expansion
        shape = (*input_shape[:3], wide)
        self.residual = _keeps_shape(self, input_shape)
        if self.expansion > 1:
            self.expand = self.kernel("expand", (1, 1, depth, wide), depth)
            self.expand_norm = self.batch_norm("expand_norm")
            self.expand_norm.build(shape)
        self.depthwise = self.kernel("depthwise", (k, k, wide, 1), k * k)
        self.depthwise_norm = self.batch_norm("depthwise_norm")
        self.depthwise_norm.build(shape)
        self.project = self.kernel("project", (1, 1, wide, self.channels), wide)
        self.project_norm = self.batch_norm("project_norm")
        self.project_norm.build((*shape[:3], self.channels))
        self.built = True

    def call(self, state, training=False):
        x = state
        if self.expansion > 1:
            x = kernels.pointwise(x, self.expand.value)
            x = self.activate(self.expand_norm(x, training=training))
        x = kernels.depthwise(x, self.depthwise.value, self.stride)
        x = self.activate(self.depthwise_norm(x, training=training))
        x = kernels.pointwise(x, self.project.value)
        x = self.project_norm(x, training=training)
        return state + x if self.residual else x

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "expansion": self.expansion,
        }


@keras.saving.register_keras_serializable(package="tfnas")
class Skip(Operation):
    """`skip`: the state itself, or its projection to another shape.

    The projection is a 1x1 convolution with the stride and a batch norm.

    Args:
        channels: output channels.
        **kwargs: `stride` and the rest as in `Operation`.

    Example: `Skip(40, stride=2)(state)`.
    """

    def build(self, input_shape):
        self.identity = _keeps_shape(self, input_shape)
        if not self.identity:
            depth = input_shape[-1]
            self.project = self.kernel(
                "project", (1, 1, depth, self.channels), depth
            )
            self.norm = self.batch_norm("norm")
            self.norm.build((*input_shape[:3], self.channels))
        self.built = True

    def call(self, state, training=False):
        if self.identity:
            return state
        x = kernels.subsample(state, self.stride)
        x = kernels.pointwise(x, self.project.value)
        return self.norm(x, training=training)


@keras.saving.register_keras_serializable(package="tfnas")
class MixedLayer(keras.layers.Layer):
    """The weighted sum of all candidates of one layer (survey 3.2).

    Args:
        channels: output channels.
        operations: names of the candidates.
        stride: 1 or 2.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        state: (N, H, W, C).
        weights: (candidates,), how much of each.

    Returns:
        (N, ceil(H / stride), ceil(W / stride), channels).

    Example:

    ```python
    layer = MixedLayer(8, ["mb_3x3_e3", "skip"])
    outputs = layer(tf.ones((1, 8, 8, 8)), tf.fill((2,), 0.5))
    ```
    """

    def __init__(self, channels, operations, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.operations = list(operations)
        self.stride = stride

    def build(self, state_shape, weights_shape=None):
        self.candidates = []
        for name in self.operations:
            layer = operation(
                name,
                self.channels,
                stride=self.stride,
                name=name,
                dtype=self.dtype_policy,
            )
            layer.build(state_shape)
            self.candidates.append(layer)
        self.built = True

    def call(self, state, weights, training=False):
        outputs = [layer(state, training=training) for layer in self.candidates]
        shares = tf.unstack(tf.cast(weights, outputs[0].dtype))
        return tf.add_n(
            [share * x for share, x in zip(shares, outputs, strict=True)]
        )

    def compute_output_shape(self, state_shape, weights_shape=None):
        batch, height, width, _ = state_shape
        return (
            batch,
            -(-height // self.stride),
            -(-width // self.stride),
            self.channels,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "operations": self.operations,
            "stride": self.stride,
        }


@keras.saving.register_keras_serializable(package="tfnas")
class Dropout(keras.layers.Layer):
    """Inverted dropout whose random state has a fixed name.

    Keras numbers the state of its own `Dropout`s in a process, so a checkpoint
    by path would not fit the same network built again.

    Args:
        rate: share of the values that become zero in training.
        **kwargs: passed to `keras.layers.Layer`.

    Example: `Dropout(0.2, name="dropout")(features)`.
    """

    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.random = keras.random.SeedGenerator(name=self.name)
        self.built = True

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        return keras.random.dropout(inputs, self.rate, seed=self.random)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


def operation(op, channels, **kwargs):
    """The layer of "mb_3x3_e3", ..., or "skip"; `kwargs` as in `Operation`."""
    if op == "skip":
        return Skip(channels, **kwargs)
    return InvertedBottleneck(channels, *parts(op), **kwargs)


def _keeps_shape(layer, input_shape):
    return layer.stride == 1 and input_shape[-1] == layer.channels
