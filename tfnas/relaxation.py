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
