"""Scores of untrained networks ("zero-cost proxies")."""

import contextlib

import numpy as np
import tensorflow as tf

# The linear pieces of an activation, by its output.
_PIECES = {
    "Relu": lambda x: (x <= 0, x > 0),
    "Relu6": lambda x: (x <= 0, (x > 0) & (x < 6), x >= 6),
}


def naswot(network, images):
    """How differently an untrained network sees the images of a batch.

    An image's code says on which of its linear pieces each unit is: off or on
    for a ReLU; off, on or at its bound for a ReLU6. So the code names the
    linear region of the image. K counts, for each pair of images, the units
    that agree; the score is log |det K|. Only units on which the logits depend
    count. Source: Mellor et al., Neural Architecture Search without Training
    (ICML 2021, arXiv:2006.04647), equation 2.

    Args:
        network: a Keras model.
        images: a batch, (N, H, W, C); its own statistics normalise it.

    Returns:
        The score; minus infinity if two images have the same code. If the
        logits do not depend on the image, 0, the least for whole numbers.
    """

    @tf.function(autograph=False)
    def agreements(images):
        logits = network(images, training=True)
        graph, count = tf.compat.v1.get_default_graph(), images.shape[0]
        units = [op for op in graph.get_operations() if op.type in _PIECES]
        outputs = [unit.outputs[0] for unit in units]
        at_image, *read = tf.gradients(logits, [images, *outputs])
        if at_image is None:
            return None
        # Whole numbers, which float64 sums exactly in any order.
        kernel = tf.zeros([count, count], tf.float64)
        for unit, output, gradient in zip(units, outputs, read, strict=True):
            if gradient is not None:
                for piece in _PIECES[unit.type](output):
                    flat = tf.reshape(piece, [count, -1])
                    here = tf.cast(flat, tf.float32)
                    agree = tf.matmul(here, here, transpose_b=True)
                    kernel += tf.cast(agree, tf.float64)
        return kernel

    # `predict` would warn of retracing, once per network.
    images = tf.convert_to_tensor(images)
    kernel = agreements.get_concrete_function(images)(images)
    return 0.0 if kernel is None else float(np.linalg.slogdet(kernel)[1])


def synflow(network):
    """The flow of signal through an untrained network.

    The score is log sum |w dR/dw|, with R of `sensitivities`. Source: Tanaka
    et al., Pruning neural networks without any data (NeurIPS 2020,
    arXiv:2006.05467), equation 2, summed over the network as in Abdelfattah
    et al. (ICLR 2021, arXiv:2101.08134).

    Args:
        network: a Keras model with new weights. In float64 the product over
            many layers stays finite.

    Returns:
        The score; minus infinity if nothing flows, infinite or NaN if the flow
        is too large.
    """
    weights = network.trainable_variables
    gradients = sensitivities(network)
    with np.errstate(all="ignore"):
        flow = sum(
            np.abs(w.numpy() * gradient).sum()
            for w, gradient in zip(weights, gradients, strict=True)
        )
        return float(np.log(flow))


def sensitivities(network):
    """The gradient of R, the sum of a network's outputs, in each weight.

    R is for an image of ones, with all weights made positive. Batch norms have
    seen no image, so they pass everything on; so do the activations, made
    unbounded: the 6 of a ReLU6 would stop the flow.

    Args:
        network: a Keras model with new weights; it is unchanged afterwards.

    Returns:
        dR/dw of each trainable variable, a list of arrays.
    """
    ones = tf.ones((1, *network.input_shape[1:]), network.compute_dtype)

    @tf.function(autograph=False)
    def gradients():
        values = [w.value for w in network.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            total = tf.reduce_sum(network(ones, training=False))
        return tape.gradient(total, values, unconnected_gradients="zero")

    with _positive(network.trainable_variables), _unbounded(network):
        flow = gradients.get_concrete_function()
        return [gradient.numpy() for gradient in flow()]


@contextlib.contextmanager
def _positive(weights):
    kept = [w.numpy() for w in weights]
    for w, value in zip(weights, kept, strict=True):
        w.assign(np.abs(value))
    try:
        yield
    finally:
        for w, value in zip(weights, kept, strict=True):
            w.assign(value)


@contextlib.contextmanager
def _unbounded(network):
    """Without the `max_value` of Keras's ReLU and our ReLU6."""
    layers = network._flatten_layers()
    kept = [(x, x.max_value) for x in layers if hasattr(x, "max_value")]
    for layer, _ in kept:
        layer.max_value = None
    try:
        yield
    finally:
        for layer, bound in kept:
            layer.max_value = bound
