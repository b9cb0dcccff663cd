"""Sums over the replicas of a `tf.distribute` strategy."""

import tensorflow as tf


def count():
    """How many replicas compute this step; 1 outside of a strategy."""
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context else 1


def index():
    """This replica's place among them; 0 outside of a strategy."""
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context else 0


def total(value):
    """The sum over all replicas of a tensor or a list of tensors.

    Example: `total(tf.shape(images)[0])` is the size of the global batch.
    """
    if count() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce("SUM", value)


def part_of(images, replica, replicas):
    """Where a replica's part of a batch lies: its begin and its end.

    All parts but the last ones have the same size, as TensorFlow divides a
    batch; of a short batch the last ones may be empty.

    Args:
        images: size of the global batch, int or tensor.
        replica: place among the replicas, int or tensor.
        replicas: how many there are.

    Example: `part_of(14, 3, 4)` is (12, 14), `part_of(2, 3, 4)` (2, 2).
    """
    size = (images + replicas - 1) // replicas
    if isinstance(images, int):
        return min(replica * size, images), min((replica + 1) * size, images)
    begin = tf.minimum(replica * size, images)
    return begin, tf.minimum(begin + size, images)


def apart(seed):
    """A stateless seed of each replica's own, from that of the step.

    Args:
        seed: (2,) int64; its first number leaves 2**10 below for layers.

    Example: `tf.random.stateless_uniform(shape, apart(seed))`.
    """
    return seed + tf.stack([tf.cast(index(), tf.int64) * 2**10, 0])
