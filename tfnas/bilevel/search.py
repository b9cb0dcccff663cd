"""Bilevel optimisation of alpha and w (survey 3.2, equations 3 to 5).

    min_alpha L_valid(w*(alpha), alpha),  w*(alpha) = argmin_w L_train(w, alpha)

Each step first moves alpha on a batch of one half of the training images,
then w on a batch of the other.
"""

import inspect
from collections.abc import Mapping

import keras
import tensorflow as tf

from tfnas.bilevel.alternation import Alternation
from tfnas.bilevel.batches import NOT_WHOLE, check_fit, halves, labelled
from tfnas.bilevel.class_weights import weighted
from tfnas.bilevel.hypergradient import (
    Hypergradient,
    Unroll,
    cross_entropy,
    current_value,
    values,
)
from tfnas.bilevel.optimizers import SGD, Adam
from tfnas.devices import replicas
from tfnas.devices.distributed_model import DistributedModel, is_across_hosts
from tfnas.errors import UserError


def architecture_gradients(
    supernet: keras.Model,
    train_batch: tuple[tf.Tensor, tf.Tensor],
    valid_batch: tuple[tf.Tensor, tf.Tensor],
    *,
    order: int = 1,
    second_order: str = "finite_difference",
    learning_rate: float = 0.025,
    momentum: float = 0.9,
    momentum_buffers: Mapping[str, tf.Tensor] | None = None,
    weight_decay: float = 3e-4,
    epsilon: float = 1e-2,
) -> dict[str, tf.Tensor]:
    """The gradient in alpha that a search step would use.

    It includes the method's own loss on the architecture but not alpha's L2,
    which belongs to the optimizer's step. Weights, momentum and moving
    statistics do not change. Noise (SNAS, GDAS, DrNAS) is that of one seed.

    Args:
        supernet: a `Supernet`.
        train_batch: (images, labels) of the training half; only for order 2.
        valid_batch: (images, labels) of the validation half.
        order: 1, w as it is, or 2, w one step ahead.
        second_order: "finite_difference" as in DARTS, or "exact" (double
            backpropagation). They differ: the loss has kinks.
        learning_rate: xi, the learning rate of w.
        momentum: mu of w's SGD.
        momentum_buffers: {variable.path: v} in PyTorch's form; None for zeros.
        weight_decay: lambda, L2 of w.
        epsilon: norm of the perturbation of w in the finite difference.

    Returns:
        {name: gradient}, names as in `supernet.architecture`.

    Source: DARTS (arXiv:1806.09055), equations 5 to 8 (survey: 6 to 8).

    Example:

    ```python
    supernet = tfnas.Supernet(input_shape=(8, 8, 3), channels=4, cells=3)
    batch = np.zeros((2, 8, 8, 3), "float32"), np.array([0, 1])
    gradients = tfnas.bilevel.architecture_gradients(supernet, batch, batch)
    ```
    """
    unroll = Unroll(
        learning_rate, momentum, weight_decay, second_order, epsilon
    )
    buffers = [
        tf.zeros_like(v.value)
        if momentum_buffers is None
        else tf.cast(momentum_buffers[v.path], v.dtype)
        for v in supernet.weight_variables
    ]
    step = Hypergradient(supernet)
    if order == 1:
        gradients = step.first_order(valid_batch)[0]
    else:
        gradients = step.second_order(
            train_batch, valid_batch, buffers, unroll
        )[0]
    return dict(zip(supernet.architecture, gradients, strict=True))


class BilevelSearch(DistributedModel):
    """A supernet whose `train_step` alternates alpha and w.

    Both optimizers and their variables exist from construction on, so a
    checkpoint taken at any moment is whole. Use it with `fit` on batches
    ((train images, labels), (valid images, labels)) of normalised images;
    labels are class numbers or one-hot. `fit` takes no weights of images or
    classes, and `ModelCheckpoint` needs `save_weights_only=True`.

    Args:
        supernet: a `Supernet`; its method gives all values of the update.
        seed: with the step, decides what is random in the supernet.
        class_weights: weight of each class's images in both losses, as in
            `bilevel.class_weights`; None for equal weights.
        **kwargs: passed to `keras.Model`.

    Source: DARTS (arXiv:1806.09055), algorithm 1; alpha before w as in the
    authors' code (the survey has the other order).

    Example:

    ```python
    supernet = tfnas.Supernet(
        "darts", input_shape=(8, 8, 1), channels=4, cells=3, nodes=1
    )
    digits = tfnas.data.load("digits")
    halves = tfnas.data.search_halves(digits)
    batches = tfnas.data.search_stream(
        digits, halves, batch_size=64, epochs=1, seed=0
    )
    search = tfnas.BilevelSearch(supernet)
    search.fit(batches, shuffle=False)
    print(supernet.derive())
    ```
    """

    def __init__(self, supernet, seed=0, class_weights=None, **kwargs):
        super().__init__(name="search", **kwargs)
        self.supernet = supernet
        self.method = supernet.method
        self.seed = seed
        self.class_weights = class_weights
        self.architecture_frozen = False
        self._train_functions = {}
        self._alternation = None
        self.smoothing_radius = None
        if self.method.smoothing:
            self.smoothing_radius = keras.Variable(
                0.0, trainable=False, name="smoothing_radius"
            )
        self.alpha_optimizer = Adam(
            self.method.alpha_learning_rate, beta_1=self.method.alpha_beta_1
        )
        self.alpha_optimizer.build(list(supernet.architecture.values()))
        weight_optimizer = SGD(self.method.learning_rate, self.method.momentum)
        weight_optimizer.build(supernet.weight_variables)
        self.trackers = {
            "loss": keras.metrics.Mean(name="loss"),
            "accuracy": keras.metrics.SparseCategoricalAccuracy("accuracy"),
            "alpha_loss": keras.metrics.Mean(name="alpha_loss"),
        }
        self.compile(weight_optimizer, jit_compile=False)
        self.built = True

    @property
    def metrics(self):
        return list(self.trackers.values())

    def fit(self, *args, **kwargs):
        """As `keras.Model.fit`, on pairs of batches, without weights."""
        bound = inspect.signature(super().fit).bind(*args, **kwargs)
        check_fit(bound.arguments)
        return super().fit(*args, **kwargs)

    def save(self, *args, **kwargs):
        """Refused: a search is saved by its weights."""
        raise UserError(NOT_WHOLE)

    def call(self, inputs, training=False):
        return self.supernet(inputs, training=training)

    def freeze_architecture(self, frozen):
        """Set whether the next steps leave alpha unchanged.

        The first epochs of P-DARTS and PC-DARTS do, and all but the first of
        several inner steps. Across hosts both kinds of step are traced once.
        """
        if frozen == self.architecture_frozen:
            return
        self._train_functions[self.architecture_frozen] = self.train_function
        self.architecture_frozen = frozen
        self.train_function = self._train_functions.get(frozen)
        self.make_train_function()

    def make_train_function(self, force=False):
        if is_across_hosts(self.distribute_strategy) or self.run_eagerly:
            return super().make_train_function(force)
        if self._alternation is None or force:
            self._alternation = Alternation(self)
        self.train_function = self._alternation
        return self.train_function

    def train_step(self, data):
        train_batch, valid_batch = halves(data)
        if not self.architecture_frozen:
            self.step_alpha(train_batch, valid_batch)
        self.step_weights(train_batch)
        return self.get_metrics_result()

    def test_step(self, data):
        images, labels = labelled(data)
        logits = self.supernet(images, training=False)
        self._track("loss", labels, logits)
        return {
            name: self.trackers[name].result() for name in ("loss", "accuracy")
        }

    def step_alpha(self, train_batch, valid_batch):
        """Move alpha: equation 3, by a gradient of equations 6 to 8."""
        train_batch, valid_batch = map(labelled, (train_batch, valid_batch))
        step = Hypergradient(
            self.supernet, self._seed(phase=0), self.class_weights
        )
        if self.method.order == 1:
            result = step.first_order(valid_batch)
        else:
            unroll = Unroll(
                self.optimizer.learning_rate,
                self.method.momentum,
                self.method.weight_decay,
                self.method.second_order,
            )
            buffers = values(self.optimizer.buffers)
            result = step.second_order(
                train_batch, valid_batch, buffers, unroll
            )
        gradients, logits, statistics = result
        _assign(step.statistics, statistics)
        gradients = replicas.total(gradients)
        if self.method.alpha_clip:
            gradients = clip_by_norm(gradients, self.method.alpha_clip)
        descend(
            self.alpha_optimizer,
            gradients,
            step.alphas,
            values(step.alphas),
            self.method.alpha_weight_decay,
        )
        labels = valid_batch[1]
        self._track("alpha_loss", labels, logits, self.class_weights)

    def step_weights(self, batch):
        """Move w on a batch of the training half: equation 4."""
        images, labels = labelled(batch)
        variables = self.supernet.weight_variables
        weights = values(variables)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            with keras.StatelessScope(
                state_mapping=zip(variables, weights, strict=True)
            ) as scope:
                logits = self.supernet(
                    images,
                    training=True,
                    seed=self._seed(phase=1),
                    radius=self.smoothing_radius,
                )
            loss = cross_entropy(labels, logits, self.class_weights)
        gradients = replicas.total(tape.gradient(loss, weights))
        statistics = self.supernet.non_trainable_variables
        _assign(statistics, [current_value(scope, v) for v in statistics])
        descend(
            self.optimizer,
            clip_by_norm(gradients, self.method.gradient_clip),
            variables,
            weights,
            self.method.weight_decay,
        )
        self._track("loss", labels, logits, self.class_weights)

    def _seed(self, phase):
        """A distinct pair of numbers for each seed, step and phase."""
        base = tf.constant(self.seed * 2**20, tf.int64)
        step = tf.cast(self.optimizer.iterations.value, tf.int64)
        return tf.stack([base, 2 * step + phase])

    def _track(self, loss, labels, logits, class_weights=None):
        value = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        value = weighted(value, labels, class_weights)
        self.trackers[loss].update_state(value)
        if loss == "loss":
            self.trackers["accuracy"].update_state(labels, logits)


def clip_by_norm(gradients, largest):
    """Scale gradients down to a joint norm, like PyTorch's clip_grad_norm."""
    scale = tf.minimum(largest / (tf.linalg.global_norm(gradients) + 1e-6), 1)
    return [g * tf.cast(scale, g.dtype) for g in gradients]


def descend(optimizer, gradients, variables, weights, weight_decay):
    """One step of a built optimizer with coupled L2.

    The gradients are summed over the replicas; weight_decay (lambda) times the
    weights is added.
    """
    decay = tf.constant(weight_decay, weights[0].dtype)
    sums = [g + decay * w for g, w in zip(gradients, weights, strict=True)]
    optimizer.apply(sums, variables)


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
