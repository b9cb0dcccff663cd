"""Convolutions that serve several edges at once.

The edges that leave one state apply the same kind of convolution to the same
input with weights of their own. Laid side by side on the channel axis, edge
after edge, they are one wide depthwise or grouped convolution (a *wide* map:
(N, H, W, edges * C)). One edge is the ordinary case.
"""

import keras
import tensorflow as tf


def uniform(fan_in):
    """PyTorch's default for a convolution: U(-b, b) with b = 1/sqrt(fan_in).

    Example: `uniform(fan_in=9)` initialises a 3x3 depthwise kernel.
    """
    bound = fan_in**-0.5
    return keras.initializers.RandomUniform(-bound, bound)


def depthwise(inputs, kernel, stride=1, dilation=1):
    """Depthwise convolution with symmetric zero padding, as PyTorch pads.

    Args:
        inputs: (N, H, W, C).
        kernel: (k, k, C, 1), k odd.
        stride: 1 or 2. "same" padding would pad on the right only when the
            stride is 2, where PyTorch's padding k // 2 is symmetric.
        dilation: spacing of the kernel's taps; with it TensorFlow allows no
            stride, so a strided result is sliced out of the full one.

    Returns:
        (N, ceil(H / stride), ceil(W / stride), C).

    Example:

    ```python
    depthwise(tf.ones((1, 8, 8, 4)), tf.ones((3, 3, 4, 1)), stride=2)
    ```
    """
    if dilation > 1:
        outputs = tf.nn.depthwise_conv2d(
            inputs, kernel, [1, 1, 1, 1], "SAME", dilations=[dilation] * 2
        )
        return subsample(outputs, stride)
    if stride == 1:
        return tf.nn.depthwise_conv2d(inputs, kernel, [1, 1, 1, 1], "SAME")
    pad = kernel.shape[0] // 2
    inputs = tf.pad(inputs, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
    return tf.nn.depthwise_conv2d(
        inputs, kernel, [1, stride, stride, 1], "VALID"
    )


def pointwise(inputs, kernel, edges=1):
    """1x1 convolution, one kernel an edge.

    Args:
        inputs: (N, H, W, edges * C).
        kernel: (1, 1, C, edges * D), as of a convolution in `edges` groups.
        edges: number of groups.

    Returns:
        (N, H, W, edges * D).

    Example:

    ```python
    pointwise(tf.ones((1, 4, 4, 6)), tf.ones((1, 1, 3, 8)), edges=2)
    ```
    """
    if edges == 1:
        return tf.nn.conv2d(inputs, kernel, 1, "VALID")
    # The gradient of a grouped convolution does not exist on CPU; a batched
    # matrix product does the same.
    depth, width = kernel.shape[2], kernel.shape[3]
    pixels = tf.reshape(inputs, [-1, edges, depth])
    matrices = tf.reshape(kernel, [depth, edges, width // edges])
    outputs = tf.matmul(
        tf.transpose(pixels, [1, 0, 2]), tf.transpose(matrices, [1, 0, 2])
    )
    outputs = tf.transpose(outputs, [1, 0, 2])
    shape = tf.shape(inputs)
    return tf.reshape(outputs, [shape[0], shape[1], shape[2], width])


def subsample(inputs, stride):
    """Every `stride`-th row and column from the first on."""
    return inputs if stride == 1 else inputs[:, ::stride, ::stride, :]


def widen(inputs, edges):
    """The same map once for each edge: (N, H, W, C) -> (N, H, W, edges * C)."""
    return inputs if edges == 1 else tf.tile(inputs, [1, 1, 1, edges])
