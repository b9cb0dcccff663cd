"""The two halves of a search step as two functions, on one host.

TensorFlow traces a function, which occupies Python, and then prepares its
graph for its first run, which does not, and takes as long for a supernet. The
first step of a search therefore traces w's half while alpha's is prepared.
"""

from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf

from tfnas.bilevel.batches import halves


class Alternation:
    """A training function for `fit`: alpha's half of the step, then w's.

    Each half is traced once, also where some steps leave alpha as it is.
    """

    def __init__(self, search):
        self.search = search
        self.alpha = self._traced(search.step_alpha)
        self.weights = self._traced(search.step_weights)
        self.is_traced = False

    def _traced(self, half):
        run = self.search.distribute_strategy.run
        return tf.function(lambda *batches: run(half, batches), autograph=False)

    def __call__(self, iterator):
        train_batch, valid_batch = halves(next(iterator))
        if not self.search.architecture_frozen:
            self._step_alpha(train_batch, valid_batch)
        self.weights(train_batch)
        return self.search.get_metrics_result()

    def _step_alpha(self, train_batch, valid_batch):
        if self.is_traced:
            self.alpha(train_batch, valid_batch)
            return
        self.alpha.get_concrete_function(train_batch, valid_batch)
        with ThreadPoolExecutor(1) as thread:
            step = thread.submit(self.alpha, train_batch, valid_batch)
            self.weights.get_concrete_function(train_batch)
        step.result()
        self.is_traced = True
