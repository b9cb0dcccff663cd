"""PyTorch's SGD and Adam as Keras optimizers.

Keras writes the same methods differently: its momentum buffer holds
learning-rate-scaled steps, so a changing learning rate gives another
trajectory, and its Adam adds epsilon before the bias correction. Parity with
the authors' runs needs their form. L2 is not here: as in the authors' code, the
training step adds it to the gradient after clipping.

Under a strategy each replica moves its own copies by gradients that are already
summed (`replicas.total`); Keras would sum them again, one by one.
"""

import keras
import tensorflow as tf
from keras import ops


class _Optimizer(keras.optimizers.Optimizer):
    """An optimizer that takes gradients of the global batch."""

    def apply(self, grads, trainable_variables=None):
        variables = trainable_variables or self._trainable_variables
        rate = tf.cast(self.learning_rate, variables[0].dtype)
        self.move(list(zip(grads, variables, strict=True)), rate)
        self.iterations.assign_add(1)

    def move(self, pairs, rate):
        """Move variables, of one type: (gradient, variable) pairs."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="tfnas")
class SGD(_Optimizer):
    """Stochastic gradient descent, v = momentum * v + g, w = w - rate * v.

    With Nesterov's momentum, w = w - rate * (g + momentum * v) (Sutskever et
    al., 2013, in PyTorch's form).

    Args:
        learning_rate: step size.
        momentum: decay of the buffer v.
        nesterov: whether the momentum is Nesterov's.
        **kwargs: passed to `keras.optimizers.Optimizer`.

    Example: `SGD(learning_rate=0.025, momentum=0.9)`.
    """

    def __init__(
        self,
        learning_rate=0.025,
        momentum=0.9,
        nesterov=False,
        name="sgd",
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = momentum
        self.nesterov = nesterov
        self.buffers = []

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.buffers = self.add_optimizer_variables(variables, "momentum")

    def move(self, pairs, rate):
        momentum = tf.constant(self.momentum, rate.dtype)
        for gradient, variable in pairs:
            buffer = self.buffers[self._get_variable_index(variable)]
            # A supernet has 511 weights: one node each, not eight.
            tf.raw_ops.ResourceApplyMomentum(
                var=variable.value.handle,
                accum=buffer.value.handle,
                lr=rate,
                grad=gradient,
                momentum=momentum,
                use_nesterov=self.nesterov,
            )

    def get_config(self):
        own = {"momentum": self.momentum, "nesterov": self.nesterov}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="tfnas")
class Adam(_Optimizer):
    """Adam (Kingma and Ba, 2015) with epsilon next to the corrected moment.

    w = w - rate * m' / (sqrt(v') + epsilon), with m' and v' bias-corrected.

    Args:
        learning_rate: step size.
        beta_1, beta_2: decay of the first and second moment.
        epsilon: added to the root of the second moment.
        **kwargs: passed to `keras.optimizers.Optimizer`.

    Example: `Adam(learning_rate=3e-4, beta_1=0.5)`.
    """

    def __init__(
        self,
        learning_rate=3e-4,
        beta_1=0.5,
        beta_2=0.999,
        epsilon=1e-8,
        name="adam",
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.first, self.second = self.add_optimizer_variables(
            variables, ["first", "second"]
        )

    def move(self, pairs, rate):
        # In Python's floats, as in PyTorch: 1 - beta_2 cancels in float32.
        step = ops.cast(self.iterations + 1, "float64")
        corrections = [
            ops.cast(1 - beta**step, rate.dtype)
            for beta in (self.beta_1, self.beta_2)
        ]
        for gradient, variable in pairs:
            self._move(gradient, variable, rate, *corrections)

    def _move(self, gradient, variable, rate, correction_1, correction_2):
        index = self._get_variable_index(variable)
        first, second = self.first[index], self.second[index]
        m = self.beta_1 * first + (1 - self.beta_1) * gradient
        v = self.beta_2 * second + (1 - self.beta_2) * ops.square(gradient)
        first.assign(m)
        second.assign(v)
        root = ops.sqrt(v / correction_2) + self.epsilon
        variable.assign_sub(rate * (m / correction_1) / root)

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
