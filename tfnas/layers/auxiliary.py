"""The auxiliary classifier of the evaluation networks."""

import keras
import tensorflow as tf

from tfnas.layers.fast.kernels import uniform
from tfnas.layers.fast.normalization import BatchNormalization


@keras.saving.register_keras_serializable(package="tfnas")
class AuxiliaryHead(keras.layers.Layer):
    """A second classifier two thirds into the network, for training only.

    ReLU; average pooling to 2x2; 1x1 convolution to 128 and 2x2 convolution to
    768 channels, each with batch norm and ReLU; a linear layer. The authors'
    pool has 5x5 windows, which fit one map size: if they would not give 2x2,
    each quarter of the map is averaged.

    Args:
        classes: number of classes.
        stride: of the pool: 3 for maps of 8x8 (CIFAR), 2 for 7x7 (ImageNet).
        second_norm: whether the second convolution has a batch norm. The
            authors' ImageNet networks lack it by oversight (their own comment),
            except P-DARTS's.
        **kwargs: passed to `keras.layers.Layer`.

    Returns:
        Logits, (N, classes).

    Source: DARTS's code, `cnn/model.py`; after NASNet (arXiv:1707.07012).

    Example: `AuxiliaryHead(10)(tf.ones((4, 8, 8, 576)))`.
    """

    def __init__(self, classes, stride=3, second_norm=True, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes
        self.stride = stride
        self.second_norm = second_norm

    def build(self, input_shape):
        depth = input_shape[-1]
        self.squeeze = self._weight("squeeze", (1, 1, depth, 128), depth)
        self.norm_1 = self._batch_norm("norm_1", 128)
        self.expand = self._weight("expand", (2, 2, 128, 768), 4 * 128)
        self.norm_2 = None
        if self.second_norm:
            self.norm_2 = self._batch_norm("norm_2", 768)
        self.kernel = self._weight("kernel", (768, self.classes), 768)
        self.bias = self._weight("bias", (self.classes,), 768)
        self.built = True

    def _weight(self, name, shape, fan_in):
        return self.add_weight(
            name=name, shape=shape, initializer=uniform(fan_in)
        )

    def _batch_norm(self, name, channels):
        norm = BatchNormalization(name=name, dtype=self.dtype_policy)
        norm.build((None, None, None, channels))
        return norm

    def call(self, state, training=False):
        x = self._pool(tf.nn.relu(state))
        x = tf.nn.conv2d(x, self.squeeze.value, 1, "VALID")
        x = tf.nn.relu(self.norm_1(x, training=training))
        x = tf.nn.conv2d(x, self.expand.value, 1, "VALID")
        if self.norm_2 is not None:
            x = self.norm_2(x, training=training)
        x = tf.reshape(tf.nn.relu(x), [-1, 768])
        return tf.matmul(x, self.kernel.value) + self.bias.value

    def _pool(self, x):
        sizes = x.shape[1:3]
        if all((size - 5) // self.stride == 1 for size in sizes):
            return tf.nn.avg_pool2d(x, 5, self.stride, "VALID")
        rows, columns = map(_halves, sizes)
        quarters = [
            tf.reduce_mean(x[:, row, column], [1, 2])
            for row in rows
            for column in columns
        ]
        return tf.reshape(tf.stack(quarters, 1), [-1, 2, 2, x.shape[-1]])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.classes)

    def get_config(self):
        return {
            **super().get_config(),
            "classes": self.classes,
            "stride": self.stride,
            "second_norm": self.second_norm,
        }


@keras.saving.register_keras_serializable(package="tfnas")
class TrainingReLU(keras.layers.Layer):
    """ReLU in training, nothing otherwise.

    The authors' auxiliary head, which runs only in training, starts with a ReLU
    in place, so the rest of their network reads the map after it. As cells
    start with a ReLU too, this matters only after the last cell.

    Example: `TrainingReLU()(tf.ones((4, 8, 8, 64)), training=True)`.
    """

    def call(self, inputs, training=False):
        return tf.nn.relu(inputs) if training else inputs

    def compute_output_shape(self, input_shape):
        return input_shape


def _halves(size):
    """Both halves of an axis; they share the middle if the size is odd."""
    return slice(0, (size + 1) // 2), slice(size // 2, size)
