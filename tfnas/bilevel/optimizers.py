"""PyTorch's SGD and Adam as Keras optimizers.

Keras states the same methods in another form: its momentum buffer holds
learning-rate-scaled steps, so a changing learning rate gives another
trajectory, and its Adam adds epsilon before the bias correction. Parity with
the authors' runs needs their form. L2 is not here: the authors add it to the
gradient after clipping, which the training step does.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfnas")
class SGD(keras.optimizers.Optimizer):
    """Stochastic gradient descent, v = momentum * v + g, w = w - rate * v.

    Args:
        learning_rate: step size.
        momentum: decay of the buffer v.
        **kwargs: as of `keras.optimizers.Optimizer`.

    Example: `SGD(learning_rate=0.025, momentum=0.9)`.
    """

    def __init__(self, learning_rate=0.025, momentum=0.9, name="sgd", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = momentum
        self.buffers = []

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.buffers = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient, variable, learning_rate):
        buffer = self.buffers[self._get_variable_index(variable)]
        rate = ops.cast(learning_rate, variable.dtype)
        value = self.momentum * buffer + ops.cast(gradient, variable.dtype)
        self.assign(buffer, value)
        self.assign_sub(variable, rate * value)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


@keras.saving.register_keras_serializable(package="tfnas")
class Adam(keras.optimizers.Optimizer):
    """Adam (Kingma and Ba, 2015) with epsilon beside the corrected moment.

    w = w - rate * m' / (sqrt(v') + epsilon), with m' and v' bias-corrected.

    Args:
        learning_rate: step size.
        beta_1, beta_2: decay of the first and second moment.
        epsilon: added to the root of the second moment.
        **kwargs: as of `keras.optimizers.Optimizer`.

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

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        first, second = self.first[index], self.second[index]
        dtype = variable.dtype
        gradient = ops.cast(gradient, dtype)
        # As Python's floats in PyTorch: 1 - beta_2 cancels in float32.
        step = ops.cast(self.iterations + 1, "float64")
        m = self.beta_1 * first + (1 - self.beta_1) * gradient
        v = self.beta_2 * second + (1 - self.beta_2) * ops.square(gradient)
        self.assign(first, m)
        self.assign(second, v)
        m = m / ops.cast(1 - self.beta_1**step, dtype)
        v = v / ops.cast(1 - self.beta_2**step, dtype)
        rate = ops.cast(learning_rate, dtype)
        self.assign_sub(variable, rate * m / (ops.sqrt(v) + self.epsilon))

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
