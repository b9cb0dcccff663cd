"""Batches on which float32's rounding decides nothing.

The gradient of a ReLU jumps where its input is zero, and that of a maximum
where another number becomes the largest. Rounding may carry a value across, on
one processor or number of threads and not on another. So gradients in float32
are compared on a batch whose values in float64 are far from every such place.
"""

import numpy as np
import tensorflow as tf

MARGIN = 1e-5


def batch_far_from_kinks(supernet, count):
    """Images in float64 for a supernet in training mode, and labels."""
    trace, supernet._trace = supernet._trace, None
    (images,) = far_from_kinks(
        lambda x: supernet(x, training=True), (count, *supernet.image_shape)
    )
    supernet._trace = trace
    labels = np.random.default_rng(0).integers(0, supernet.classes, count)
    return images, labels


def far_from_kinks(function, *shapes):
    """Random arrays from which a function stays `MARGIN` from every kink.

    Args:
        function: of a tensor of each shape, in float64.
        *shapes: of the arrays.

    Returns:
        A list of arrays, the first of 200 seeds that are far enough.
    """
    nearest = _nearest(function)
    for seed in range(200):
        random = np.random.default_rng(seed)
        arrays = [random.normal(size=shape) for shape in shapes]
        if nearest(*map(tf.constant, arrays)) > MARGIN:
            return arrays
    raise AssertionError("each of 200 batches comes near a kink")


def _nearest(function):
    """The smallest size of a ReLU's input, and lead of a maximum."""

    @tf.function(autograph=False)
    def nearest(*arguments):
        function(*arguments)
        graph = tf.compat.v1.get_default_graph()
        found = [tf.constant(np.inf, tf.float64)]
        for operation in graph.get_operations():
            # What stands in another graph would not be seen.
            assert "PartitionedCall" not in operation.type
            if operation.type in _DISTANCES:
                distance = _DISTANCES[operation.type](operation)
                assert distance.dtype == tf.float64
                found.append(tf.reduce_min(distance))
        return tf.reduce_min(found)

    return nearest


def _of_relu(relu):
    return tf.abs(relu.inputs[0])


def _of_maximum(maximum):
    numbers, axes = maximum.inputs
    axes = np.ravel(tf.get_static_value(axes)) % numbers.shape.rank
    kept = [a for a in range(numbers.shape.rank) if a not in axes]
    compared = np.prod([numbers.shape[a] for a in axes])
    numbers = tf.transpose(numbers, [*kept, *axes])
    return _lead(tf.reshape(numbers, [-1, compared]))


def _of_pool(pool):
    assert pool.get_attr("ksize") == [1, 3, 3, 1]
    assert pool.get_attr("strides") == [1, 1, 1, 1]
    maps = pool.inputs[0]
    height, width = maps.shape[1:3]
    around = [[0, 0], [1, 1], [1, 1], [0, 0]]
    maps = tf.pad(maps, around, constant_values=maps.dtype.min)
    windows = [
        maps[:, row : row + height, column : column + width]
        for row in range(3)
        for column in range(3)
    ]
    return _lead(tf.stack(windows, -1))


def _lead(numbers):
    """What the largest along the last axis has over the next.

    Exact ties do not count: they are of pixels at which every ReLU before is
    off, so the gradient is the same whichever of them takes it.
    """
    best = tf.math.top_k(numbers, 2).values
    lead = best[..., 0] - best[..., 1]
    return tf.where(lead == 0, lead.dtype.max, lead)


_DISTANCES = {"Relu": _of_relu, "Max": _of_maximum, "MaxPool": _of_pool}
