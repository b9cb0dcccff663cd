"""The mixed attention of Att-DARTS (Nakai et al., 2020; survey 3.2)."""

import keras
import tensorflow as tf

from tfnas.genotype import ATTENTIONS
from tfnas.layers.attention.bottleneck import BottleneckAttention
from tfnas.layers.attention.modules import (
    ConvolutionalBlockAttention,
    DoubleAttention,
    GatherExcite,
    IdentityAttention,
    SqueezeExcitation,
    average,
)
from tfnas.layers.fast import kernels

_LAYERS = {
    "identity": IdentityAttention,
    "se": SqueezeExcitation,
    "bam": BottleneckAttention,
    "cbam": ConvolutionalBlockAttention,
    "ge_theta_plus": GatherExcite,
    "double_attention": DoubleAttention,
}


def attention(name, channels, *, edges=1, **kwargs):
    """The layer of one of `tfnas.genotype.ATTENTIONS`, C channels an edge."""
    return _LAYERS[name](channels, edges=edges, name=name, **kwargs)


@keras.saving.register_keras_serializable(package="tfnas")
class MixedAttention(keras.layers.Layer):
    """A weighted sum of attentions, for several edges side by side.

    Edge e's map x becomes sum_b weights[e, b] * attention_b(x). For attentions
    that multiply x by a mask, the masks are summed: the result is the same.

    Args:
        channels: C of each edge.
        edges: how many edges are served, each with its own weights.
        names: the candidates, of `tfnas.genotype.ATTENTIONS`.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        wide: (N, H, W, edges * C).
        weights: (edges, candidates), the relaxed beta.

    Returns:
        (N, H, W, edges * C).

    Example:

    ```python
    layer = MixedAttention(16, edges=2)
    outputs = layer(tf.ones((4, 8, 8, 32)), tf.fill((2, 6), 1 / 6))
    ```
    """

    def __init__(self, channels, edges=1, names=ATTENTIONS, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.edges = edges
        self.names = list(names)

    def build(self, wide_shape, weights_shape=None):
        self.candidates = {}
        for name in self.names:
            layer = attention(
                name,
                self.channels,
                edges=self.edges,
                dtype=self.dtype_policy,
            )
            layer.build(wide_shape)
            self.candidates[name] = layer
        self.built = True

    def call(self, wide, weights, training=False):
        pooled = average(wide)
        weights = tf.cast(weights, wide.dtype)
        shares = kernels.for_channels(weights, self.channels)
        masks, rests = 0, 0
        for layer, share in zip(
            self.candidates.values(), tf.unstack(shares, axis=1), strict=True
        ):
            mask, rest = layer.parts(wide, pooled, share, training=training)
            masks, rests = masks + mask, rests + rest
        return wide * masks + rests

    def compute_output_shape(self, wide_shape, weights_shape=None):
        return tuple(wide_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "edges": self.edges,
            "names": self.names,
        }
