"""Trace each distinct layer once, however often it occurs in a network.

A supernet holds dozens of mixed operations but only a handful of kinds: same
edges, channels, stride, candidates. Tracing makes its start slow, so layers of
one kind, on all devices of a host, call one traced function of their weights.
"""

import contextlib
import functools

import keras
import tensorflow as tf

from tfnas.devices import replicas
from tfnas.devices.distributed_model import is_across_hosts
from tfnas.layers.fast import kernels
from tfnas.layers.fast.normalization import may_fuse


class SharedTrace:
    """Calls layers; those of the same kind share one traced function.

    The function is pure: it takes the layer's variables as values and returns
    the new values of those that the call updates (moving statistics), which are
    then assigned. Under a strategy it must be made in its scope.
    """

    def __init__(self):
        self._functions = {}
        self._token = tf.Variable(0.0, trainable=False)

    def __call__(self, layer, maps, *inputs, training=False):
        if not _may_share():
            return layer(maps, *inputs, training=training)
        statistics = layer.non_trainable_variables
        arguments = (
            maps,
            self._caller(),
            [tf.convert_to_tensor(v.value) for v in layer.trainable_variables],
            [tf.convert_to_tensor(v.value) for v in statistics],
            *inputs,
        )
        function = self._function(layer, training, arguments)
        outputs, updates = function(*arguments)
        if training and statistics:
            updates = replicas.unpack(
                updates, [v.value.shape for v in statistics]
            )
            for variable, value in zip(statistics, updates, strict=True):
                variable.assign(value)
        return outputs

    def _caller(self):
        """What a function must know about the replica that calls it."""
        if replicas.count() == 1:
            return ()
        return *replicas.caller(), self._token.handle

    def _function(self, layer, training, arguments):
        path = (kernels.fast_path(), may_fuse())
        # A batch of another size is the same kind.
        maps = tf.TensorSpec(
            [None, *arguments[0].shape[1:]], arguments[0].dtype
        )
        arguments = maps, *arguments[1:]
        inputs = [(t.shape, t.dtype) for t in tf.nest.flatten(arguments)]
        key = (_kind(layer), training, path, repr(inputs))
        if key not in self._functions:
            # A partial: TensorFlow takes closures of the same code for one
            # function and would warn that it is retraced too often.
            call = functools.partial(_call, layer, training)
            function = tf.function(call, autograph=False)
            # Under a strategy a function would be traced for each device.
            concrete = function.get_concrete_function(*arguments)
            self._functions[key] = concrete
        return self._functions[key]


def _may_share():
    """Whether sums in a shared function would finish, and be correct.

    On one host they have numbers, for one gradient, and unfused layers are
    differentiated twice. Eagerly one replica would wait for the next to begin.
    """
    if replicas.count() == 1:
        return True
    if tf.executing_eagerly() or not may_fuse():
        return False
    return not is_across_hosts(tf.distribute.get_strategy())


def _call(layer, training, maps, caller, weights, statistics, *inputs):
    with replicas.shared(*caller) if caller else contextlib.nullcontext():
        outputs, updates = layer.stateless_call(
            weights, statistics, maps, *inputs, training=training
        )
    if not (training and updates):
        return outputs, ()
    # One vector: a tape takes the gradient in every output, here zeros.
    return outputs, tf.stop_gradient(replicas.pack(updates))


def _kind(layer):
    """What the layer computes: its configuration as built, without its name.

    Layers of one configuration may have been built for different inputs.
    """
    config = keras.saving.serialize_keras_object(layer)
    config["config"].pop("name")
    shapes = [tuple(variable.shape) for variable in layer.variables]
    return repr((config["class_name"], config["config"], shapes))
