"""The edges of a search cell that leave one state.

To the mixed operation, methods add attention after it (Att-DARTS), channels
that bypass it (PC-DARTS), weights of edges (PC-DARTS), a fading skip (DARTS-)
and dropout on skips (P-DARTS).
"""

import dataclasses

import keras
import tensorflow as tf

from tfnas.genotype import ATTENTIONS
from tfnas.layers.attention.mixed import MixedAttention
from tfnas.layers.fast import kernels
from tfnas.layers.mixed import MixedOperation
from tfnas.layers.operations import operation


@dataclasses.dataclass(frozen=True)
class EdgeOptions:
    """What the edges of a supernet have besides the mixed operation.

    Attributes:
        second: candidates of a second mixture on each edge's result, or ().
        partial: K; 1/K of the channels enter the mixed operation.
        auxiliary_skip: whether a skip outside the mixture is added.
        normalize_pools: whether a batch norm follows a pool.
    """

    second: tuple[str, ...] = ()
    partial: int = 1
    auxiliary_skip: bool = False
    normalize_pools: bool = True


def weights_by_state(rows, weights):
    """A cell's relaxed architecture, divided among its states.

    `rows` are those of each state's outgoing edges; the weights, as in
    `OutgoingEdges`, have a row for each edge of the cell.
    """
    parts = [{} for _ in rows]
    order, sizes = sum(rows, []), [len(own) for own in rows]
    for name in ("alphas", "betas", "edges"):
        if name in weights:
            values = tf.split(tf.gather(weights[name], order), sizes)
            for own, value in zip(parts, values, strict=True):
                own[name] = value
    for state, own in enumerate(parts):
        if "auxiliary" in weights:
            own["auxiliary"] = weights["auxiliary"]
        if "skip_dropout" in weights:
            rate, seed = weights["skip_dropout"]
            seed += tf.constant([state, 0], tf.int64)
            own["skip_dropout"] = rate, seed
    return parts


@keras.saving.register_keras_serializable(package="tfnas")
class OutgoingEdges(keras.layers.Layer):
    """One state's contributions to every later node.

    Args:
        channels: C.
        operations: names of the candidates of each outgoing edge.
        stride: 1, or 2 for the inputs of a reduction cell.
        options: an `EdgeOptions` or its fields as a dict.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        state: (N, H, W, C).
        weights: a dict. "alphas": (edges, candidates). As far as the options
            ask for them "betas": (edges, second candidates), "edges":
            (edges,), "auxiliary": scalar, "skip_dropout": (rate, seed).

    Returns:
        (N, ceil(H / stride), ceil(W / stride), edges * C), edge after edge.

    Example:

    ```python
    layer = OutgoingEdges(16, [["skip_connect", "sep_conv_3x3"]] * 4)
    state = tf.ones((1, 8, 8, 16))
    outputs = layer(state, {"alphas": tf.fill((4, 2), 1 / 2)})
    ```
    """

    def __init__(self, channels, operations, stride=1, options=None, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.operations = [list(names) for names in operations]
        self.stride = stride
        if not isinstance(options, EdgeOptions):
            options = EdgeOptions(**(options or {}))
        self.options = options

    def build(self, state_shape, weights_shape=None):
        options = self.options
        edges = len(self.operations)
        narrow = self.channels // options.partial
        self.mixed = MixedOperation(
            narrow,
            self.operations,
            stride=self.stride,
            normalize_pools=options.normalize_pools,
            name="mixed",
            dtype=self.dtype_policy,
        )
        self.mixed.build((*state_shape[:3], narrow))
        wide_shape = self.compute_output_shape(state_shape)
        self.second = self._second_mixtures(wide_shape)
        self.auxiliary = None
        if options.auxiliary_skip:
            self.auxiliary = operation(
                "skip_connect",
                self.channels,
                stride=self.stride,
                edges=edges,
                affine=False,
                dtype=self.dtype_policy,
            )
            self.auxiliary.build(state_shape)
        self.built = True

    def _second_mixtures(self, wide_shape):
        """One layer for all edges if only attentions compete, else one each."""
        names, edges = self.options.second, len(self.operations)
        if not names:
            return []
        if set(names) <= set(ATTENTIONS):
            layers = [
                MixedAttention(
                    self.channels,
                    edges,
                    names,
                    name="second",
                    dtype=self.dtype_policy,
                )
            ]
        else:
            layers = [
                MixedOperation(
                    self.channels,
                    [names],
                    name=f"second_{edge}",
                    dtype=self.dtype_policy,
                )
                for edge in range(edges)
            ]
        for layer in layers:
            width = wide_shape[-1] // len(layers)
            layer.build((*wide_shape[:3], width))
        return layers

    def call(self, state, weights, training=False):
        narrow = state
        if self.options.partial > 1:
            narrow = state[..., : self.channels // self.options.partial]
        outputs = self.mixed(
            narrow,
            weights["alphas"],
            skip_dropout=weights.get("skip_dropout"),
            training=training,
        )
        if self.options.partial > 1:
            outputs = self._with_bypass(outputs, state)
        if self.auxiliary is not None:
            outputs += self._fading_skip(state, weights["auxiliary"], training)
        if self.second:
            outputs = self._mix_again(outputs, weights["betas"], training)
        if "edges" in weights:
            share = tf.cast(weights["edges"], outputs.dtype)
            outputs *= kernels.for_channels(share, self.channels)
        return outputs

    def _with_bypass(self, mixed, state):
        """Put the other channels next to the mixed ones and shuffle them.

        PC-DARTS (arXiv:1907.05737), section 3.2: channel k of group g goes to
        place k * K + g, so that the next edge mixes other channels.
        """
        parts, edges = self.options.partial, len(self.operations)
        rest = state[..., self.channels // parts :]
        if self.stride == 2:
            rest = tf.nn.max_pool2d(rest, 2, 2, "SAME")
        shape = [-1, *mixed.shape[1:3]]
        width = self.channels // parts
        mixed = tf.reshape(mixed, [*shape, edges, 1, width])
        rest = tf.reshape(rest, [*shape, 1, parts - 1, width])
        groups = tf.concat([mixed, tf.repeat(rest, edges, axis=3)], -2)
        shuffled = tf.transpose(groups, [0, 1, 2, 3, 5, 4])
        return tf.reshape(shuffled, [*shape, edges * self.channels])

    def _fading_skip(self, state, weight, training):
        skip = self.auxiliary(state, training=training)
        if self.auxiliary.shared:
            skip = tf.tile(skip, [1, 1, 1, len(self.operations)])
        return tf.cast(weight, skip.dtype) * skip

    def _mix_again(self, outputs, betas, training):
        if len(self.second) == 1 and isinstance(self.second[0], MixedAttention):
            return self.second[0](outputs, betas, training=training)
        pieces = tf.split(outputs, len(self.second), axis=-1)
        mixed = [
            layer(piece, betas[edge : edge + 1], training=training)
            for edge, (layer, piece) in enumerate(
                zip(self.second, pieces, strict=True)
            )
        ]
        return tf.concat(mixed, -1)

    def compute_output_shape(self, state_shape, weights_shape=None):
        batch, height, width, _ = state_shape
        return (
            batch,
            -(-height // self.stride),
            -(-width // self.stride),
            self.channels * len(self.operations),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "operations": self.operations,
            "stride": self.stride,
            "options": dataclasses.asdict(self.options),
        }
