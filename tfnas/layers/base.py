"""The base of all operations."""

import keras
import tensorflow as tf

from tfnas.layers.fast import kernels
from tfnas.layers.fast.normalization import BatchNormalization


class Operation(keras.layers.Layer):
    """A candidate operation of an edge, for several edges at once.

    Args:
        channels: C, channels of the input and, on each edge, of the output.
        stride: 1, or 2 on the edges of a reduction cell's inputs.
        edges: how many edges are served, each with its own weights.
        affine: whether batch norms learn a scale and an offset.
        **kwargs: passed to `keras.layers.Layer`.
    """

    # Pools and the identity have no weights: one result serves every edge.
    shared = False

    def __init__(self, channels, stride=1, edges=1, affine=True, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.stride = stride
        self.edges = edges
        self.affine = affine

    def batch_norm(self, name):
        return BatchNormalization(
            self.affine, name=name, dtype=self.dtype_policy
        )

    def kernel(self, name, shape, fan_in):
        return self.add_weight(
            name=name, shape=shape, initializer=kernels.uniform(fan_in)
        )

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        outputs = self.channels * (1 if self.shared else self.edges)
        return (
            batch,
            None if height is None else -(-height // self.stride),
            None if width is None else -(-width // self.stride),
            outputs,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "stride": self.stride,
            "edges": self.edges,
            "affine": self.affine,
        }


class Convolution(Operation):
    """An operation that starts with a ReLU and has weights on every edge.

    `call` is the whole operation. A mixed operation, which shares the ReLU
    and the widened map among several, calls `convolve` on them and has the
    last batch norm weigh the result.
    """

    # Whether `convolve` reads one copy of the map for each edge.
    reads_wide = True

    def call(self, state, training=False):
        activated = tf.nn.relu(state)
        if self.reads_wide:
            activated = kernels.widen(activated, self.edges)
        return self.convolve(activated, training=training)

    def convolve(self, activated, training=False, scale=None):
        """From ReLU(state), wide if `reads_wide`, to the result.

        `scale` multiplies its channels (edges * C).
        """
        raise NotImplementedError
