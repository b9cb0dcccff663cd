"""The convolutions before the first cell."""

import keras
import tensorflow as tf

from tfnas.layers.base import Operation
from tfnas.layers.fast.kernels import uniform


@keras.saving.register_keras_serializable(package="tfnas")
class StemConvolution(Operation):
    """3x3 convolution and batch norm.

    Args:
        channels: output channels.
        activate: whether a ReLU comes first.
        **kwargs: `stride` and the rest as in `Operation`.

    Example: `StemConvolution(48, stride=2)(images)`.
    """

    def __init__(self, channels, activate=False, **kwargs):
        super().__init__(channels, **kwargs)
        self.activate = activate

    def build(self, input_shape):
        depth = input_shape[-1]
        shape = (3, 3, depth, self.channels)
        self.convolution = self.kernel("convolution", shape, 9 * depth)
        self.norm = self.batch_norm("norm")
        self.norm.build((*input_shape[:3], self.channels))
        self.built = True

    def call(self, inputs, training=False):
        x = tf.nn.relu(inputs) if self.activate else inputs
        # At stride 2 "SAME" pads only at the end, PyTorch at both ends.
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        x = tf.nn.conv2d(x, self.convolution.value, self.stride, "VALID")
        return self.norm(x, training=training)

    def get_config(self):
        return {**super().get_config(), "activate": self.activate}


@keras.saving.register_keras_serializable(package="tfnas")
class ImagenetStem(keras.layers.Layer):
    """Three 3x3 convolutions of stride 2, for a search on large images.

    Args:
        channels: C of the first cell, even.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        inputs: images, (N, H, W, colours).

    Returns:
        The inputs of the first cell: (N, H/4, W/4, C) and (N, H/8, W/8, C).

    Source: PC-DARTS's code, `model_search_imagenet.py`; the evaluation
    networks of all authors have the same stem.

    Example: `ImagenetStem(16)(images)`.
    """

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels

    def build(self, input_shape):
        shape, self.convolutions = input_shape, []
        for index, channels in enumerate(
            (self.channels // 2, self.channels, self.channels)
        ):
            layer = StemConvolution(
                channels,
                stride=2,
                activate=index > 0,
                name=f"stem_{index}",
                dtype=self.dtype_policy,
            )
            layer.build(shape)
            self.convolutions.append(layer)
            shape = layer.compute_output_shape(shape)
        self.built = True

    def call(self, inputs, training=False):
        outputs = [inputs]
        for layer in self.convolutions:
            outputs.append(layer(outputs[-1], training=training))
        return outputs[2:]

    def compute_output_shape(self, input_shape):
        shapes = [input_shape]
        for layer in self.convolutions:
            shapes.append(layer.compute_output_shape(shapes[-1]))
        return shapes[2:]

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}


def small_stem(channels, colours, **kwargs):
    """A 3x3 convolution for a search on small images; no batch norm."""
    return keras.layers.Conv2D(
        channels,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer=uniform(9 * colours),
        **kwargs,
    )
