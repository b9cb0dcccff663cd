"""Scores of untrained networks ("zero-cost proxies")."""

import numpy as np
import tensorflow as tf


def naswot(network, images):
    """How differently an untrained network sees the images of a batch.

    Every ReLU of the network makes a bit of each of its inputs, on or off. K
    counts, for each pair of images, the bits that agree; the score is
    log |det K|. Source: Mellor et al., Neural Architecture Search without
    Training (ICML 2021, arXiv:2006.04647), equation 2.

    Args:
        network: a Keras model.
        images: a batch, (N, H, W, C); its own statistics normalise it.

    Returns:
        The score; minus infinity where two images look alike.

    Example: `naswot(tfnas.build_network(genotype, cells=3), images)`.
    """

    @tf.function(autograph=False)
    def agreements(images):
        network(images, training=True)
        graph = tf.compat.v1.get_default_graph()
        kernel = tf.zeros([tf.shape(images)[0]] * 2)
        for operation in graph.get_operations():
            if operation.type == "Relu":
                on = tf.cast(operation.outputs[0] > 0, tf.float32)
                on = tf.reshape(on, [tf.shape(images)[0], -1])
                kernel += tf.matmul(on, on, transpose_b=True)
                kernel += tf.matmul(1 - on, 1 - on, transpose_b=True)
        return kernel

    kernel = agreements(tf.convert_to_tensor(images)).numpy()
    return float(np.linalg.slogdet(kernel.astype(np.float64))[1])


def synflow(network):
    """How much signal can flow through an untrained network.

    With all weights made positive, and an image of ones, R is the sum of the
    outputs; the score is log sum |w dR/dw|. Batch norms have seen no image, so
    they pass everything on. Source: Tanaka et al., Pruning neural networks
    without any data (NeurIPS 2020, arXiv:2006.05467), equation 2, summed over
    the network as in Abdelfattah et al. (ICLR 2021, arXiv:2101.08134).

    Args:
        network: a Keras model with new weights. In float64 the product over
            many layers stays finite. Its weights are as before afterwards.

    Returns:
        The score; minus infinity where nothing flows.

    Example: `synflow(tfnas.build_network(genotype, cells=3))`.
    """
    weights = network.trainable_variables
    kept = [w.numpy() for w in weights]
    for w, value in zip(weights, kept, strict=True):
        w.assign(np.abs(value))
    ones = tf.ones((1, *network.input_shape[1:]), network.compute_dtype)

    @tf.function(autograph=False)
    def flow():
        values = [w.value for w in weights]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            total = tf.reduce_sum(network(ones, training=False))
        gradients = tape.gradient(total, values, unconnected_gradients="zero")
        return tf.add_n(
            [
                tf.reduce_sum(tf.abs(w * g))
                for w, g in zip(values, gradients, strict=True)
            ]
        )

    score = float(flow())
    for w, value in zip(weights, kept, strict=True):
        w.assign(value)
    return float(np.log(score)) if score > 0 else -np.inf
