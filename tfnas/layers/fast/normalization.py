"""Batch normalisation."""

import contextlib
import contextvars

import keras
import tensorflow as tf

from tfnas.devices import replicas

_FUSED = contextvars.ContextVar("fused", default=True)


@contextlib.contextmanager
def unfused():
    """Call batch norms in plain operations instead of the fused one.

    In float32 the fused operation's second derivative was measured to be off by
    tens of percent; the plain operations' is right.
    """
    token = _FUSED.set(False)
    try:
        yield
    finally:
        _FUSED.reset(token)


def may_fuse():
    """Whether batch norms may be fused here and now."""
    return _FUSED.get()


@keras.saving.register_keras_serializable(package="tfnas")
class BatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation with PyTorch's conventions, exact in every setting.

    For parity with the authors' PyTorch code it differs from
    `keras.layers.BatchNormalization`: `epsilon` 1e-5 and `momentum` 0.9
    (PyTorch calls it 0.1); a moving variance that is unbiased over the global
    batch; statistics of the global batch under `tf.distribute`; and a correct
    second derivative, which second-order DARTS needs.

    Args:
        affine: whether to learn a scale and an offset. The batch norms of a
            search cell have neither (DARTS, `affine=False`).
        momentum: weight of the old value in a moving statistic.
        epsilon: added to the variance.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        inputs: (..., C).
        training: whether to use, and record, the batch's statistics.
        scale: (C,), multiplies the result; for norms that are not affine. A
            mixed operation weighs its candidates by it: the scale's gradient
            comes from the norm's own.

    Example:

    ```python
    layer = BatchNormalization(affine=False)
    layer(np.ones((8, 4, 4, 3), "float32"), training=True)
    ```
    """

    def __init__(self, affine=True, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(
            momentum=momentum,
            epsilon=epsilon,
            center=affine,
            scale=affine,
            **kwargs,
        )
        self.affine = affine

    def call(self, inputs, training=False, scale=None):
        gamma = scale if self.gamma is None else self.gamma.value
        axes = list(range(inputs.shape.rank - 1))
        fusible = inputs.dtype == tf.float32 and len(axes) == 3 and may_fuse()
        if not (training and self.trainable):
            if fusible:
                return self._fused(inputs, gamma, is_training=False)[0]
            return self._normalize(
                inputs,
                self.moving_mean.value,
                self.moving_variance.value,
                gamma,
            )
        if fusible and replicas.count() == 1:
            # The op updates the statistics itself, with the unbiased variance,
            # as PyTorch does.
            outputs, mean, variance, *_ = self._fused(
                inputs, gamma, exponential_avg_factor=1 - self.momentum
            )
            self.moving_mean.assign(mean)
            self.moving_variance.assign(variance)
            return outputs
        count = tf.reduce_prod(tf.shape(inputs)[:-1])
        work = tf.cast(inputs, tf.as_dtype(self.variable_dtype))
        mean, variance, count = _global_moments(work, axes, count)
        unbiased = variance * count / tf.maximum(count - 1, 1)
        for moving, value in (
            (self.moving_mean, mean),
            (self.moving_variance, unbiased),
        ):
            value = tf.cast(value, moving.dtype)
            keep = self.momentum
            moving.assign(moving.value * keep + value * (1 - keep))
        return self._normalize(inputs, mean, variance, gamma)

    def _fused(self, inputs, gamma, **options):
        channels = inputs.shape[-1]
        gamma = tf.ones([channels]) if gamma is None else gamma
        beta = tf.zeros([channels]) if self.beta is None else self.beta.value
        return tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=gamma,
            offset=beta,
            mean=self.moving_mean.value,
            variance=self.moving_variance.value,
            epsilon=self.epsilon,
            **options,
        )

    def _normalize(self, inputs, mean, variance, gamma):
        factor = tf.math.rsqrt(variance + self.epsilon)
        if gamma is not None:
            factor = factor * tf.cast(gamma, factor.dtype)
        offset = -mean * factor
        if self.beta is not None:
            offset = offset + self.beta.value
        return inputs * tf.cast(factor, inputs.dtype) + tf.cast(
            offset, inputs.dtype
        )

    def get_config(self):
        config = super().get_config()
        for name in ("center", "scale", "axis", "synchronized"):
            config.pop(name)
        return {**config, "affine": self.affine}


def _global_moments(inputs, axes, count):
    """Mean, biased variance and count over the batches of all replicas."""
    # One reduction for both: a step waits for each.
    sums, count = replicas.total(
        [tf.reduce_sum(inputs, axes), tf.cast(count, inputs.dtype)]
    )
    scale = 1 / count
    mean = sums * scale
    squares = tf.reduce_sum(tf.square(inputs - mean), axes)
    return mean, replicas.total(squares) * scale, count
