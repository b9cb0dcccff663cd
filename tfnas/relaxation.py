"""Relaxations: from alpha to the weights of a mixture (survey 3.2)."""

import tensorflow as tf


def softmax(alpha):
    """Competing operations, equation 2 of DARTS: each row sums to one.

    Args:
        alpha: (edges, candidates).

    Returns:
        Weights of the same shape.

    Example: `softmax(tf.zeros((14, 8)))` is 1/8 everywhere.
    """
    return tf.nn.softmax(alpha, axis=-1)


def sigmoid(alpha):
    """Independent operations, equation 6 of Fair DARTS: each in (0, 1).

    Args:
        alpha: (edges, candidates).

    Returns:
        Weights of the same shape.

    Example: `sigmoid(tf.zeros((14, 7)))` is 1/2 everywhere.
    """
    return tf.sigmoid(alpha)


RELAXATIONS = {"softmax": softmax, "sigmoid": sigmoid}


def edge_softmax(beta, nodes, inputs=2):
    """PC-DARTS's edge normalisation: the edges into a node share one weight.

    Source: Xu et al., PC-DARTS (arXiv:1907.05737), equation 5.

    Args:
        beta: (edges,), in the order of `spaces.darts.edges`.
        nodes: number of nodes; the i-th has i + inputs incoming edges.
        inputs: number of input states of a cell.

    Returns:
        (edges,), each node's edges summing to one.

    Example: `edge_softmax(tf.zeros(5), nodes=2)` is 1/2, 1/2, 1/3, 1/3, 1/3.
    """
    incoming = tf.split(beta, [node + inputs for node in range(nodes)])
    return tf.concat([tf.nn.softmax(part) for part in incoming], 0)


def perturbed(weights, radius, seed):
    """SmoothDARTS's random perturbation of the mixing weights (SDARTS-RS).

    The weights move by U(-radius, radius), are clipped to [0, 1] and scaled
    to their former sum. Source: Chen and Hsieh, SDARTS (arXiv:2002.05283),
    section 3.2; w is trained under it, alpha is not.

    Args:
        weights: (edges, operations).
        radius: scalar, see `schedule.perturbation`.
        seed: two integers; the same seed gives the same numbers.

    Returns:
        Weights of the same shape.

    Example: `perturbed(tf.fill((14, 8), 1 / 8), 0.03, seed=[0, 1])`.
    """
    noise = tf.random.stateless_uniform(
        tf.shape(weights), seed, -1, 1, weights.dtype
    )
    moved = weights + tf.cast(radius, weights.dtype) * noise
    moved = tf.clip_by_value(moved, 0, 1)
    total = tf.reduce_sum(weights, -1, keepdims=True)
    return moved * total / tf.reduce_sum(moved, -1, keepdims=True)
