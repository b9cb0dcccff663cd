"""An attention that competes with the operations (Att-DARTS, `mixed`)."""

import keras

from tfnas.layers.attention.mixed import attention
from tfnas.layers.base import Operation
from tfnas.layers.fast import kernels
from tfnas.layers.reduction import FactorizedReduce


@keras.saving.register_keras_serializable(package="tfnas")
class AttentionOperation(Operation):
    """An attention as a candidate operation of an edge.

    At stride 2 its own `FactorizedReduce`, never affine, comes first.

    Args:
        kind: the attention's name in a genotype, e.g. "se".
        channels: C.
        **kwargs: passed to `Operation`.

    Example: `AttentionOperation("cbam", 16, stride=2)(state)`.
    """

    def __init__(self, kind, channels, **kwargs):
        super().__init__(channels, **kwargs)
        self.kind = kind

    def build(self, input_shape):
        if self.stride == 2:
            self.reduce = FactorizedReduce(
                self.channels,
                edges=self.edges,
                affine=False,
                name="reduce",
                dtype=self.dtype_policy,
            )
            self.reduce.build(input_shape)
        self.attention = attention(
            self.kind,
            self.channels,
            edges=self.edges,
            dtype=self.dtype_policy,
        )
        self.attention.build(
            (
                *self.compute_output_shape(input_shape)[:3],
                self.channels * self.edges,
            )
        )
        self.built = True

    def call(self, state, training=False):
        if self.stride == 2:
            state = self.reduce(state, training=training)
        else:
            state = kernels.widen(state, self.edges)
        return self.attention(state, training=training)

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}
