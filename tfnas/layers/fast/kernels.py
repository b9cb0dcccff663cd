"""Convolutions that serve several edges at once.

The edges that leave a state apply the same kind of convolution to the same
input, each with its own weights. Side by side on the channel axis, edge after
edge, they are one wide depthwise or grouped convolution (a *wide* map: (N, H,
W, edges * C)). With one edge it is the ordinary one.

On a CPU in float32 the functions take the *fast path* of `fast`; elsewhere, and
within `plain()`, TensorFlow's plain operations. Both give the same results.
"""

import contextlib
import contextvars

import keras
import numpy as np
import tensorflow as tf

from tfnas.layers.fast import cpu

_PLAIN = contextvars.ContextVar("plain", default=False)


@contextlib.contextmanager
def plain():
    """Build and call layers on the plain path, whatever the device."""
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)


def fast_path(dtype="float32"):
    """Whether convolutions of this type take the fast path here and now."""
    return (
        not _PLAIN.get()
        and tf.as_dtype(dtype) == tf.float32
        and not tf.config.get_visible_devices("GPU")
    )


def uniform(fan_in):
    """PyTorch's default for a convolution: U(-b, b) with b = 1/sqrt(fan_in)."""
    bound = fan_in**-0.5
    return keras.initializers.RandomUniform(-bound, bound)


def depthwise(inputs, kernel, stride=1, dilation=1):
    """Depthwise convolution with symmetric zero padding, as PyTorch pads.

    Args:
        inputs: (N, H, W, C).
        kernel: (k, k, C, 1), k odd.
        stride: 1 or 2. At stride 2 "same" padding would pad only on the right;
            PyTorch's padding k // 2 is symmetric.
        dilation: spacing of the kernel's taps. TensorFlow does not combine it
            with a stride; at a stride equal to it, taps meet only every
            stride-th pixel, and those are an ordinary convolution's input.

    Returns:
        (N, ceil(H / stride), ceil(W / stride), C).
    """
    if dilation > 1 and stride == dilation:
        return depthwise(subsample(inputs, stride), kernel)
    quick = fast_path(inputs.dtype)
    if dilation > 1:
        if quick:
            outputs = cpu.dilated(inputs, kernel, dilation)
        else:
            outputs = tf.nn.depthwise_conv2d(
                inputs, kernel, [1] * 4, "SAME", dilations=[dilation] * 2
            )
        outputs.set_shape(inputs.shape)  # space_to_batch forgets it
        return subsample(outputs, stride)
    padding = "SAME"
    if stride > 1:
        pad, padding = kernel.shape[0] // 2, "VALID"
        inputs = tf.pad(inputs, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
    if quick:
        return cpu.depthwise(inputs, kernel, stride, padding)
    strides = [1, stride, stride, 1]
    return tf.nn.depthwise_conv2d(inputs, kernel, strides, padding)


def pointwise(inputs, kernel, edges=1):
    """1x1 convolution in groups, one kernel an edge.

    The kernel (1, 1, C, edges * D) turns (N, H, W, edges * C) into (N, H, W,
    edges * D).
    """
    gains = edges > 1 or kernel.shape[2] >= cpu.WIDE
    if gains and fast_path(inputs.dtype):
        return cpu.pointwise(inputs, kernel, edges)
    if edges == 1:
        return tf.nn.conv2d(inputs, kernel, 1, "VALID")
    # On a CPU a grouped convolution has no gradient; a batched matrix product
    # does the same.
    depth, width = kernel.shape[2], kernel.shape[3]
    pixels = tf.reshape(inputs, [-1, edges, depth])
    matrices = tf.reshape(kernel, [depth, edges, width // edges])
    outputs = tf.matmul(
        tf.transpose(pixels, [1, 0, 2]), tf.transpose(matrices, [1, 0, 2])
    )
    outputs = tf.transpose(outputs, [1, 0, 2])
    shape = tf.shape(inputs)
    return tf.reshape(outputs, [shape[0], shape[1], shape[2], width])


def blend(maps, shares):
    """Weighted sums of maps (N, H, W, C), one for each edge, side by side.

    Edge e of (N, H, W, edges * C) gets sum_o shares[o, e] * maps[o]: a matrix
    product with a map in each row. Shares are (maps, edges).
    """
    height, width, channels = maps[0].shape[1:]
    edges = shares.shape[1]
    rows = tf.reshape(tf.stack(maps), [len(maps), -1])
    sums = tf.reshape(
        tf.matmul(shares, rows, transpose_a=True), [edges, -1, channels]
    )
    wide = tf.transpose(sums, [1, 0, 2])
    return tf.reshape(wide, [-1, height, width, edges * channels])


def for_channels(shares, channels):
    """The share of each edge once for each of its channels.

    (edges,) or (edges, X) becomes (edges * C,) or (edges * C, X): of 2
    channels, [.2, .8] is [.2, .2, .8, .8]. It takes twenty graph nodes less
    than `tf.repeat`, whose sizes may be unknown: a supernet has hundreds of
    them and starts sooner.
    """
    rest = shares.shape[1:]
    ones = np.ones([1, channels, *[1] * len(rest)])
    each = tf.reshape(shares, [-1, 1, *rest]) * tf.constant(ones, shares.dtype)
    return tf.reshape(each, [-1, *rest])


def position_by_channel(positions, channels):
    """A map for each edge times a weight for each of its channels.

    (N, H, W, edges) and (N, 1, 1, edges * C) give (N, H, W, edges * C). It is a
    matrix product for every image, with a row of channels for each edge, so no
    map is ever repeated.
    """
    _, height, width, edges = positions.shape
    own = channels.shape[-1] // edges
    rows = tf.constant(np.repeat(np.eye(edges), own, -1), channels.dtype)
    outputs = tf.matmul(
        tf.reshape(positions, [-1, height * width, edges]),
        channels[:, 0] * rows,
    )
    return tf.reshape(outputs, [-1, height, width, edges * own])


def subsample(inputs, stride):
    """Every `stride`-th row and column from the first on."""
    if stride == 1:
        return inputs
    if fast_path(inputs.dtype):
        # The mean of single pixels: its gradient is faster than a slice's.
        return tf.nn.avg_pool2d(inputs, 1, stride, "VALID")
    return inputs[:, ::stride, ::stride, :]


def widen(inputs, edges):
    """The same map once for each edge: (N, H, W, C) -> (N, H, W, edges * C)."""
    return inputs if edges == 1 else tf.tile(inputs, [1, 1, 1, edges])
