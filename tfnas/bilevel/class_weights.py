"""Weights of the classes in a loss."""

import numpy as np
import tensorflow as tf


def class_weights(rule, labels, classes):
    """A weight for each class, or None if all images count the same.

    Balanced, every class has the same sum of weights, and an image weighs 1 on
    average: with n images of k classes, an image of a class of m weighs
    n / (k m). A class without images counts in neither n nor k.

    Args:
        rule: "none" or "balanced".
        labels: class numbers of the images to train on, (N,).
        classes: number of classes.

    Returns:
        float64 (classes,), or None.

    Example: `class_weights("balanced", [0, 0, 0, 1], 2)` is (2/3, 2).
    """
    if rule == "none":
        return None
    sizes = np.bincount(labels, minlength=classes)
    shares = np.count_nonzero(sizes) * np.maximum(sizes, 1)
    return np.where(sizes, len(labels) / shares, 0.0)


def weighted(losses, labels, weights):
    """Losses (N,) times the weights of their classes, if there are any."""
    if weights is None:
        return losses
    return losses * tf.gather(tf.cast(weights, losses.dtype), labels)
