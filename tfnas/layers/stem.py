"""The convolutions before the first cell of an evaluation network."""

import keras
import tensorflow as tf

from tfnas.layers.operation import Operation


@keras.saving.register_keras_serializable(package="tfnas")
class StemConvolution(Operation):
    """3x3 convolution and batch norm.

    Args:
        channels: output channels.
        activate: whether a ReLU comes first.
        **kwargs: `stride` and the rest as of `Operation`.

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
        # "SAME" at stride 2 pads at the end alone, PyTorch at both ends.
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        x = tf.nn.conv2d(x, self.convolution.value, self.stride, "VALID")
        return self.norm(x, training=training)

    def get_config(self):
        return {**super().get_config(), "activate": self.activate}
