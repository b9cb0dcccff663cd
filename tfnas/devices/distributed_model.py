"""Models whose step also runs across hosts."""

import keras
import tensorflow as tf


class DistributedModel(keras.Model):
    """A Keras model that makes its step functions for any strategy.

    On one host they are Keras's own. Keras 3 reduces a step's results in a way
    that fails across hosts (keras issue 20585); there, a step's results are
    this host's, and the metrics cover all hosts.
    """

    def make_train_function(self, force=False):
        if not is_across_hosts(self.distribute_strategy):
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = self._across_hosts(self.train_step)
        return self.train_function

    def make_test_function(self, force=False):
        if not is_across_hosts(self.distribute_strategy):
            return super().make_test_function(force)
        if self.test_function is None or force:
            self.test_function = self._across_hosts(self.test_step)
        return self.test_function

    def _across_hosts(self, step):
        strategy = self.distribute_strategy

        @tf.function(reduce_retracing=True, autograph=False)
        def run(batch):
            logs = strategy.run(step, args=(batch,))
            return {
                name: strategy.experimental_local_results(value)[0]
                for name, value in logs.items()
            }

        return lambda iterator: run(next(iterator))


def is_across_hosts(strategy):
    """Whether a strategy has several processes."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
