"""Messages between the workers of a run, outside the steps.

One of them is the chief. On one host all of this does nothing.
"""

import json
import os
import threading

import numpy as np
import tensorflow as tf

from tfnas.cli.interruption import EXIT_CODE
from tfnas.devices import replicas
from tfnas.devices.distributed_model import is_across_hosts

START_MINUTES = 10


def is_chief(strategy):
    """Whether this process writes."""
    if not is_across_hosts(strategy):
        return True
    return strategy.cluster_resolver.task_id == 0


def broadcast(strategy, data):
    """The chief's bytes, on every worker; the others' are ignored."""

    @tf.function(reduce_retracing=True)
    def from_chief(numbers):
        def mine(numbers):
            chief = tf.cast(replicas.index() == 0, numbers.dtype)
            return numbers * chief

        parts = strategy.run(mine, args=(numbers,))
        return strategy.reduce("SUM", parts, axis=None)

    length = int(from_chief(tf.constant([len(data)], tf.int32))[0])
    if not is_chief(strategy):
        data = bytes(length)
    padded = np.frombuffer(data + bytes(-length % 4), np.int32)
    if not length:
        return b""
    return from_chief(tf.constant(padded)).numpy().tobytes()[:length]


def agreed(strategy, value):
    """The chief's value, JSON-ready, on every worker."""
    if not is_across_hosts(strategy):
        return value
    return json.loads(broadcast(strategy, json.dumps(value).encode()))


class Agreement:
    """Any worker's request, known to all of them."""

    def __init__(self, strategy):
        self._total = None
        if is_across_hosts(strategy):

            @tf.function
            def total(flags):
                parts = strategy.run(tf.identity, args=(flags,))
                return strategy.reduce("SUM", parts, axis=None)

            self._total = total

    def __call__(self, wanted):
        if self._total is None:
            return [bool(each) for each in wanted]
        flags = self._total(tf.constant(wanted, tf.int32))
        return [bool(each) for each in flags.numpy()]


def shared_out(strategy, stream):
    """A stream's batches, each divided among all replicas of all workers.

    Iterating over it gives the arguments of `strategy.run`. Every worker makes
    whole batches and keeps its parts, so the random numbers are the same for
    any number of workers.
    """
    if not is_across_hosts(strategy):
        return strategy.experimental_distribute_dataset(stream)
    count = strategy.num_replicas_in_sync

    def own(context):
        local = count // context.num_input_pipelines
        first = context.input_pipeline_id * local

        def parts(*batch):
            def part(place):
                images = tf.shape(tf.nest.flatten(batch)[0])[0]
                begin, end = replicas.part_of(images, place, count)
                return tf.nest.map_structure(lambda x: x[begin:end], batch)

            places = tf.data.Dataset.range(
                first, first + local, output_type=tf.int32
            )
            return places.map(part)

        return stream.flat_map(parts).prefetch(tf.data.AUTOTUNE)

    return strategy.distribute_datasets_from_function(own)


class AllHere:
    """Leaves the process if its fellow workers do not come.

    TensorFlow would wait for them forever.
    """

    def __init__(self, minutes=START_MINUTES):
        self._timer = threading.Timer(60 * minutes, self._leave, [minutes])
        self._timer.daemon = True

    def __enter__(self):
        self._timer.start()

    def __exit__(self, *_):
        self._timer.cancel()

    @staticmethod
    def _leave(minutes):
        line = (
            f"error: not all workers came within {minutes} minutes; see their "
            "messages and start all of them again\n"
        )
        os.write(2, line.encode())
        os._exit(EXIT_CODE)
