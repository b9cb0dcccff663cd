"""The gradient of the validation loss in alpha (survey, equations 6 to 8).

It is taken at w (first order) or one step ahead of w (second order), by the
authors' finite differences or exactly. Everything is a function of values:
evaluating a gradient changes no variable.
"""

import dataclasses

import keras
import tensorflow as tf

from tfnas.bilevel.class_weights import weighted
from tfnas.devices import replicas
from tfnas.layers.fast.normalization import unfused


@dataclasses.dataclass(frozen=True)
class Unroll:
    """The step ahead of second order, w' = w - xi (mu v + g + lambda w).

    Attributes:
        learning_rate: xi, the current learning rate of w.
        momentum: mu.
        weight_decay: lambda.
        second_order: "finite_difference", as the authors, or "exact".
        epsilon: norm of the perturbation of a finite difference.
    """

    learning_rate: float = 0.025
    momentum: float = 0.9
    weight_decay: float = 3e-4
    second_order: str = "finite_difference"
    epsilon: float = 1e-2


class Hypergradient:
    """Gradients of the validation loss in alpha, as functions of values.

    Each returns the gradients, the validation logits and the new values of the
    moving statistics, those of the authors' training-mode forward passes with
    the network itself, not with its unrolled copy.
    """

    def __init__(self, supernet, seed=(0, 0), class_weights=None):
        self.supernet = supernet
        self.seed = seed
        self.class_weights = class_weights
        self.alphas = list(supernet.architecture.values())
        self.weights = supernet.weight_variables
        self.statistics = supernet.non_trainable_variables

    def first_order(self, valid_batch):
        """The gradient at the current w."""
        alphas = values(self.alphas)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(alphas)
            loss, logits, statistics = self._valid_loss(valid_batch, alphas)
        return tape.gradient(loss, alphas), logits, statistics

    def second_order(self, train_batch, valid_batch, buffers, unroll):
        """The gradient at w', which itself depends on alpha."""
        if unroll.second_order == "exact":
            return self._exact(train_batch, valid_batch, buffers, unroll)
        return self._finite_difference(
            train_batch, valid_batch, buffers, unroll
        )

    def _exact(self, train_batch, valid_batch, buffers, unroll):
        alphas, weights = values(self.alphas), values(self.weights)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(alphas)
            with unfused():  # it is differentiated once more
                ahead, statistics = self._step_ahead(
                    train_batch, alphas, weights, buffers, unroll
                )
            loss, logits, _ = self._valid_loss(valid_batch, alphas, ahead)
        return tape.gradient(loss, alphas), logits, statistics

    def _finite_difference(self, train_batch, valid_batch, buffers, unroll):
        alphas, weights = values(self.alphas), values(self.weights)
        ahead, statistics = self._step_ahead(
            train_batch, alphas, weights, buffers, unroll
        )
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([alphas, ahead])
            loss, logits, _ = self._valid_loss(valid_batch, alphas, ahead)
        gradients, direction = tape.gradient(loss, [alphas, ahead])
        direction = replicas.total(direction)

        # Equation 8: (d/dalpha L(w+) - d/dalpha L(w-)) / 2r approximates the
        # second derivative in alpha and w times the direction.
        radius = unroll.epsilon / tf.linalg.global_norm(direction)
        sides = []
        for sign in (1, -1):
            moved = [
                w + sign * radius * u
                for w, u in zip(weights, direction, strict=True)
            ]
            side, statistics = self._alpha_gradient(
                train_batch, alphas, moved, statistics
            )
            sides.append(side)
        rate = tf.cast(unroll.learning_rate, radius.dtype)
        implicit = [
            g - rate * (plus - minus) / (2 * radius)
            for g, plus, minus in zip(gradients, *sides, strict=True)
        ]
        return implicit, logits, statistics

    def _alpha_gradient(self, batch, alphas, weights, statistics):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(alphas)
            loss, _, statistics = self._loss(batch, alphas, weights, statistics)
        return tape.gradient(loss, alphas), statistics

    def _step_ahead(self, batch, alphas, weights, buffers, unroll):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            loss, _, statistics = self._loss(batch, alphas, weights)
        gradients = replicas.total(tape.gradient(loss, weights))
        rate = tf.cast(unroll.learning_rate, weights[0].dtype)
        ahead = [
            w - rate * (unroll.momentum * v + g + unroll.weight_decay * w)
            for w, v, g in zip(weights, buffers, gradients, strict=True)
        ]
        return ahead, statistics

    def _valid_loss(self, batch, alphas, weights=None):
        """Alpha's loss: cross-entropy and the method's own."""
        loss, logits, statistics = self._loss(batch, alphas, weights)
        with keras.StatelessScope(
            state_mapping=zip(self.alphas, alphas, strict=True)
        ):
            own = self.supernet.architecture_loss()
        return loss + own / replicas.count(), logits, statistics

    def _loss(self, batch, alphas, weights=None, statistics=None):
        """Loss, logits and new statistics with values in place of variables."""
        images, labels = batch
        mapping = list(zip(self.alphas, alphas, strict=True))
        if weights is not None:
            mapping += zip(self.weights, weights, strict=True)
        if statistics is not None:
            mapping += zip(self.statistics, statistics, strict=True)
        with keras.StatelessScope(state_mapping=mapping) as scope:
            logits = self.supernet(images, training=True, seed=self.seed)
        updated = [current_value(scope, v) for v in self.statistics]
        loss = cross_entropy(labels, logits, self.class_weights)
        return loss, logits, updated


def cross_entropy(labels, logits, class_weights=None):
    """Mean cross-entropy of integer labels (N,) over the global batch.

    With several replicas this is the replica's part of the mean: the parts, and
    their gradients, sum to those of the whole batch.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    losses = weighted(losses, labels, class_weights)
    images = replicas.total(tf.size(losses))
    return tf.reduce_sum(losses) / tf.cast(images, losses.dtype)


def current_value(scope, variable):
    """A variable's value in a `StatelessScope`: given, assigned or its own."""
    value = scope.get_current_value(variable)
    return variable.value if value is None else value


def values(variables):
    """The current values of variables, as tensors that a tape can watch."""
    return [tf.convert_to_tensor(v.value) for v in variables]
