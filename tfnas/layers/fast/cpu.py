"""Convolutions with their own gradients, for a CPU.

On a CPU TensorFlow has fast and slow ways to the same numbers, often a factor
of 3 to 15 apart, and its automatic gradients take some of the slow ones. Each
function here is one operation of `kernels`, with the ways chosen by
measurement (docs/performance.md); `kernels` decides when they apply. All
gradients consist of differentiable operations, so second derivatives exist.
"""

import numpy as np
import tensorflow as tf

# From this many channels on, one matrix product per edge is the fastest way to
# the gradient of a 1x1 convolution's kernel.
WIDE = 32
# Below this many channels, a depthwise convolution of more than 5 columns is
# faster on all images' channels at once.
NARROW = 12


def depthwise(inputs, kernel, stride=1, padding="SAME"):
    """Depthwise convolution; y[h, w, c] = sum_ij k[i, j, c] x[h+i, w+j, c].

    Up to 3 columns the gradients are oneDNN's. Beyond, the input's gradient is
    the convolution with the flipped kernel, and the kernel's, dk[i, j, c] =
    sum_hw x[h+i, w+j, c] g[h, w, c], avoids oneDNN's way.
    """
    _, columns, channels, _ = kernel.shape
    if columns > 5 and channels < NARROW:
        return _images_beside(inputs, kernel, stride, padding)
    return _depthwise(inputs, kernel, stride, padding)


def _depthwise(inputs, kernel, stride, padding):
    strides = [1, stride, stride, 1]

    def outputs(x, k):
        return tf.raw_ops.DepthwiseConv2dNative(
            input=x, filter=k, strides=strides, padding=padding
        )

    if kernel.shape[1] <= 3:
        return outputs(inputs, kernel)

    @tf.custom_gradient
    def convolve(x, k):
        def gradient(g):
            if stride == 1 and padding == "SAME":
                at_input = _depthwise(g, tf.reverse(k, [0, 1]), 1, padding)
            else:
                at_input = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
                    input_sizes=tf.shape(x),
                    filter=k,
                    out_backprop=g,
                    strides=strides,
                    padding=padding,
                )
            return at_input, _kernel_gradient(x, k.shape, g, strides, padding)

        return outputs(x, k), gradient

    return convolve(inputs, tf.convert_to_tensor(kernel))


def _images_beside(inputs, kernel, stride, padding):
    """The same for one image with all images' channels, N * C."""
    count, (height, width, channels) = tf.shape(inputs)[0], inputs.shape[1:]
    wide = tf.transpose(inputs, [1, 2, 0, 3])
    wide = tf.reshape(wide, [1, height, width, count * channels])
    kernels = tf.tile(kernel, [1, 1, count, 1])
    outputs = _depthwise(wide, kernels, stride, padding)
    outputs = tf.reshape(outputs, [*outputs.shape[1:3], count, channels])
    return tf.transpose(outputs, [2, 0, 1, 3])


def _kernel_gradient(inputs, shape, gradient, strides, padding):
    rows, columns = shape[:2]
    width, channels = inputs.shape[2:]
    if channels is None:
        channels = tf.shape(inputs)[3]
    if columns == 5 and strides[1] == 1 and width % 2 == 0 and width >= 8:
        return _five_columns(inputs, gradient, rows)
    explicit = {}
    if columns > 3:
        # Explicit padding selects TensorFlow's own kernel, which takes a third
        # of the time.
        pads = [k // 2 if padding == "SAME" else 0 for k in (rows, columns)]
        around = [0, 0, pads[0], pads[0], pads[1], pads[1], 0, 0]
        padding, explicit = "EXPLICIT", {"explicit_paddings": around}
    return tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
        input=inputs,
        filter_sizes=[rows, columns, channels, 1],
        out_backprop=gradient,
        strides=strides,
        padding=padding,
        **explicit,
    )


def _five_columns(inputs, gradient, rows):
    """The gradient of five columns from two of three columns each.

    The second reads the maps with pairs of pixels as one pixel of 2C channels,
    a view without a copy: there the neighbours of a pixel are two columns off.
    """
    _, height, width, channels = inputs.shape

    def three_columns(x, g):
        shape = [rows, 3, x.shape[-1], 1]
        return _kernel_gradient(x, shape, g, [1] * 4, "SAME")

    near = three_columns(inputs, gradient)
    pairs = [-1, height, width // 2, 2 * channels]
    far = three_columns(tf.reshape(inputs, pairs), tf.reshape(gradient, pairs))
    far = tf.reduce_sum(tf.reshape(far, [rows, 3, 2, channels, 1]), 2)
    first, _, last = tf.split(far, 3, 1)
    return tf.concat([first, near, last], 1)


def dilated(inputs, kernel, dilation):
    """Depthwise convolution whose taps lie `dilation` pixels apart.

    Pixels that meet have the same row and column modulo the dilation, so the
    map falls into dilation**2 maps with an ordinary convolution each.
    """
    excess = [[0, -size % dilation] for size in inputs.shape[1:3]]
    apart = tf.space_to_batch(inputs, [dilation] * 2, excess)
    outputs = depthwise(apart, kernel)
    return tf.batch_to_space(outputs, [dilation] * 2, excess)


def pointwise(inputs, kernel, edges):
    """1x1 convolution in groups, y_e = x_e k_e for each edge e.

    (N, H, W, edges * C) meets a kernel (1, 1, C, edges * D). On a CPU
    TensorFlow has the grouped convolution but not its gradients. The input's is
    another one, with transposed kernels: dx_e = g_e k_e^T.
    """

    @tf.custom_gradient
    def convolve(x, k):
        depth, width = k.shape[2], k.shape[3] // edges

        def gradient(g):
            matrices = tf.reshape(k, [depth, edges, width])
            transposed = tf.reshape(
                tf.transpose(matrices, [2, 1, 0]), [1, 1, width, edges * depth]
            )
            products = _products(x, g, edges)
            return (
                pointwise(g, transposed, edges),
                tf.reshape(products, [1, 1, depth, edges * width]),
            )

        return tf.nn.conv2d(x, k, 1, "VALID"), gradient

    return convolve(inputs, tf.convert_to_tensor(kernel))


def _products(x, g, edges):
    """x_e^T g_e for every edge, summed over pixels, side by side."""
    x, g = (tf.reshape(maps, [-1, maps.shape[-1]]) for maps in (x, g))
    depth, width = (maps.shape[-1] // edges for maps in (x, g))
    if depth >= WIDE or edges == 1:
        own = [
            tf.matmul(one, other, transpose_a=True)
            for one, other in zip(
                tf.split(x, edges, -1), tf.split(g, edges, -1), strict=True
            )
        ]
        return tf.concat(own, -1)
    # Narrow products cost less with the unused products of different edges than
    # with copies that separate the edges.
    every = tf.matmul(x, g, transpose_a=True)
    own = np.kron(np.eye(edges), np.ones((depth, width)))
    every *= tf.constant(own, every.dtype)
    return tf.reduce_sum(tf.reshape(every, [edges, depth, edges * width]), 0)
