"""Sums over the replicas of a `tf.distribute` strategy."""

import collections
import contextlib
import contextvars

import tensorflow as tf

# TensorFlow numbers its own groups of devices from 1.
GROUP = 2**20
# The most sums, and gradients of sums, in a shared function.
SUMS = 2**12
_SHARED = contextvars.ContextVar("shared", default=None)
# By replica. TensorFlow keeps the numbers of sums for the whole process.
_CALLS = collections.Counter()


def count():
    """The number of replicas in this step; 1 outside a strategy."""
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context else 1


def index():
    """This replica's place among them; 0 outside a strategy."""
    if _SHARED.get():
        return _SHARED.get().index
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context else 0


def total(value):
    """The sum over all replicas of a tensor or a list of tensors."""
    if count() == 1:
        return value
    if isinstance(value, list):
        return unpack(total(pack(value)), [tensor.shape for tensor in value])
    if _SHARED.get():
        return _SHARED.get().total(value)
    return tf.distribute.get_replica_context().all_reduce("SUM", value)


def pack(tensors):
    """One vector of all numbers: operations on each would cost many nodes."""
    rows = [t if t.shape.rank == 1 else tf.reshape(t, [-1]) for t in tensors]
    return tf.concat(rows, 0)


def unpack(vector, shapes):
    """The tensors of these shapes whose `pack` a vector is."""
    parts = tf.split(vector, [shape.num_elements() for shape in shapes])
    return [
        part if shape.rank == 1 else tf.reshape(part, shape)
        for part, shape in zip(parts, shapes, strict=True)
    ]


def part_of(images, replica, replicas):
    """Begin and end of a replica's part of a batch.

    As TensorFlow divides a batch, all parts but the last ones have the same
    size; in a short batch the last ones may be empty.
    """
    size = (images + replicas - 1) // replicas
    if isinstance(images, int):
        return min(replica * size, images), min((replica + 1) * size, images)
    begin = tf.minimum(replica * size, images)
    return begin, tf.minimum(begin + size, images)


def apart(seed):
    """Each replica's own stateless seed (2,) int64, from the step's.

    Its first number leaves 2**10 below for layers.
    """
    return seed + tf.stack([tf.cast(index(), tf.int64) * 2**10, 0])


def caller():
    """This replica's place and a new number for its next call, as tensors.

    The number is the same in all replicas, if they make the same calls.
    """
    place = int(tf.get_static_value(index()))
    _CALLS[place] += 1
    return tf.constant(place), tf.constant(_CALLS[place])


@contextlib.contextmanager
def shared(index, call, token):
    """Trace a function that all replicas share.

    TensorFlow's own sums belong to the replica that traces them. In here they
    belong to the replica that calls the function, by `index` and `call` from
    `caller`. `token` is the handle of one of its variables; its sums come one
    after the other, in the same order in all replicas.
    """
    outer = _SHARED.set(_Shared(index, call, token))
    try:
        yield
    finally:
        _SHARED.reset(outer)


class _Shared:
    """Numbers the sums of one shared function."""

    def __init__(self, index, call, token):
        self.index, self.token = index, token
        self.replicas = count()
        self._first = call * SUMS
        self._sums = 0

    def total(self, value):
        if self._sums == SUMS:
            raise RuntimeError(f"a shared function has more than {SUMS} sums")
        key = self._first + self._sums
        self._sums += 1

        @tf.custom_gradient
        def summed(value):
            return self._reduce(value, key), self.total

        return summed(value)

    def _reduce(self, value, key):
        return tf.raw_ops.CollectiveReduceV2(
            input=value,
            group_size=self.replicas,
            group_key=GROUP + self.replicas,
            instance_key=key,
            ordering_token=[self.token],
            merge_op="Add",
            final_op="Id",
        )
