"""Sums over the replicas of a `tf.distribute` strategy."""

import tensorflow as tf


def count():
    """How many replicas compute this step; 1 outside of a strategy."""
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context else 1


def total(value):
    """The sum over all replicas of a tensor or a list of tensors.

    Example: `total(tf.shape(images)[0])` is the size of the global batch.
    """
    if count() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce("SUM", value)
