"""Trace each distinct layer once, however often it occurs in a network.

A supernet holds dozens of mixed operations and only a handful of kinds: same
edges, channels, stride, candidates. Tracing is what makes its start slow, so
layers of one kind call one `tf.function` of their weights.
"""

import functools

import keras
import tensorflow as tf

from tfnas.layers import kernels, replicas
from tfnas.layers.normalization import may_fuse


class SharedTrace:
    """Calls layers; those of the same kind share one traced function.

    The function is pure: it takes the layer's variables as values and returns
    the new values of those that the call updates (moving statistics), which
    are then assigned. Under several replicas, where a nested function may not
    reduce across replicas, layers are called directly.

    Example:

    ```python
    trace = SharedTrace()
    outputs = trace(layer, state, weights, training=True)
    ```
    """

    def __init__(self):
        self._functions = {}

    def __call__(self, layer, *inputs, training=False):
        if replicas.count() > 1:
            return layer(*inputs, training=training)
        function = self._function(layer, training)
        statistics = layer.non_trainable_variables
        outputs, updates = function(
            [tf.convert_to_tensor(v.value) for v in layer.trainable_variables],
            [tf.convert_to_tensor(v.value) for v in statistics],
            *inputs,
        )
        if training:
            for variable, value in zip(statistics, updates, strict=True):
                variable.assign(value)
        return outputs

    def _function(self, layer, training):
        path = (kernels.fast_path(), may_fuse())
        key = (_kind(layer), training, path)
        if key not in self._functions:
            # A partial: TensorFlow takes closures of the same code for one
            # function, and would warn that it is traced too often.
            call = functools.partial(layer.stateless_call, training=training)
            self._functions[key] = tf.function(call, autograph=False)
        return self._functions[key]


def _kind(layer):
    """What the layer computes: its configuration, but not its name, as built.

    Layers of one configuration may have been built for different inputs.
    """
    config = keras.saving.serialize_keras_object(layer)
    config["config"].pop("name")
    shapes = [tuple(variable.shape) for variable in layer.variables]
    return repr((config["class_name"], config["config"], shapes))
