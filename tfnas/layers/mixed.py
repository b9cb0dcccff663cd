"""The mixed operation (DARTS, equation 2; survey 3.2).

DARTS mixes edge by edge: edge (i, j) yields sum_o weight_o * o(x_i). Every
edge that leaves state i reads the same x_i, so one layer serves them all: the
ReLU, the pools and their batch norms are computed once, and convolutions of
the same kind run side by side. The sums are the same.
"""

import keras
import tensorflow as tf

from tfnas.devices import replicas
from tfnas.layers.base import Convolution
from tfnas.layers.fast import kernels
from tfnas.layers.operations import Identity, operation


@keras.saving.register_keras_serializable(package="tfnas")
class MixedOperation(keras.layers.Layer):
    """One state's contributions to every later node of a search cell.

    Args:
        channels: C, of the state and of each contribution.
        operations: for each outgoing edge, in the order of its target node,
            the names of its candidate operations. Edges may differ in names,
            not in number.
        stride: 1, or 2 for the inputs of a reduction cell.
        normalize_pools: whether a batch norm follows a pool, as in DARTS.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        state: (N, H, W, C).
        weights: (edges, candidates), how much of each operation; column k of
            a row belongs to the edge's own k-th name.
        skip_dropout: None, or the rate and the seed (two integers) of the
            element-wise dropout that follows an identity skip in P-DARTS.

    Returns:
        (N, ceil(H / stride), ceil(W / stride), edges * C): the contributions
        side by side, first that of the first edge.

    Example:

    ```python
    layer = MixedOperation(4, [["skip_connect", "sep_conv_3x3"]] * 2)
    outputs = layer(tf.ones((1, 8, 8, 4)), tf.fill((2, 2), 0.5))
    ```
    """

    def __init__(
        self, channels, operations, stride=1, normalize_pools=True, **kwargs
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.operations = [list(names) for names in operations]
        self.stride = stride
        self.normalize_pools = normalize_pools

    def build(self, state_shape, weights_shape=None):
        self.candidates = {}
        self.places = {}
        for name in dict.fromkeys(sum(self.operations, [])):
            if name == "none":  # contributes zero, and has its weight's slot
                continue
            places = [
                (edge, names.index(name))
                for edge, names in enumerate(self.operations)
                if name in names
            ]
            layer = operation(
                name,
                self.channels,
                stride=self.stride,
                edges=len(places),
                affine=False,
                normalize_pools=self.normalize_pools,
                dtype=self.dtype_policy,
            )
            layer.build(state_shape)
            self.candidates[name] = layer
            self.places[name] = places
        self.built = True

    def call(self, state, weights, skip_dropout=None, training=False):
        activated = {1: tf.nn.relu(state)}  # by edges side by side
        shared, everywhere, somewhere = {}, [], []
        weights = tf.cast(weights, state.dtype)
        columns = tf.unstack(weights, axis=1)
        scales = tf.unstack(
            kernels.for_channels(weights, self.channels), axis=1
        )
        for name, layer in self.candidates.items():
            column = self._column(name)
            if column is None:
                share = tf.gather_nd(weights, self.places[name])
            else:
                share = columns[column]
            dropped = isinstance(layer, Identity) and skip_dropout is not None
            if layer.shared and not dropped:
                shared[name] = layer(state, training=training), share
                continue
            if column is None:
                scale = kernels.for_channels(share, self.channels)
            else:
                scale = scales[column]
            if isinstance(layer, Convolution):
                outputs = layer.convolve(
                    _widened(activated, layer), training=training, scale=scale
                )
            elif dropped:
                outputs = kernels.widen(state, layer.edges)
                outputs = _dropout(outputs, *skip_dropout) * scale
            else:
                outputs = layer(state, training=training) * scale
            if len(self.places[name]) == len(self.operations):
                everywhere.append(outputs)
            else:
                edges = [edge for edge, _ in self.places[name]]
                somewhere.append((edges, outputs))
        if shared:
            everywhere.append(self._blend(shared))
        if somewhere or not everywhere:
            everywhere.append(self._spread(somewhere, state))
        return tf.add_n(everywhere)

    def _column(self, name):
        """The column of a candidate, if it is the same on every edge."""
        columns = {column for _, column in self.places[name]}
        everywhere = len(self.places[name]) == len(self.operations)
        return columns.pop() if everywhere and len(columns) == 1 else None

    def _blend(self, shared):
        """Each edge's part from the operations whose result all edges share."""
        rows = []
        count = len(self.operations)
        for name, (_, share) in shared.items():
            edges = [[edge] for edge, _ in self.places[name]]
            if len(edges) < count:
                share = tf.scatter_nd(edges, share, [count])
            rows.append(share)
        maps = [outputs for outputs, _ in shared.values()]
        return kernels.blend(maps, tf.stack(rows))

    def _spread(self, partial, state):
        """Spread maps that serve some of the edges over all of them."""
        zero = tf.zeros_like(kernels.subsample(state, self.stride))
        sums = [[zero] for _ in self.operations]
        for edges, outputs in partial:
            pieces = tf.split(outputs, len(edges), axis=-1)
            for edge, piece in zip(edges, pieces, strict=True):
                sums[edge].append(piece)
        return tf.concat([tf.add_n(pieces) for pieces in sums], -1)

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
            "normalize_pools": self.normalize_pools,
        }


def _widened(activated, layer):
    """ReLU(state) as convolutions read it, made once for all of them."""
    edges = layer.edges if layer.reads_wide else 1
    if edges not in activated:
        activated[edges] = kernels.widen(activated[1], edges)
    return activated[edges]


def _dropout(inputs, rate, seed):
    """Inverted dropout of single elements, by the seed and the replica."""
    rate = tf.cast(rate, inputs.dtype)
    draws = tf.random.stateless_uniform(
        tf.shape(inputs), replicas.apart(seed), dtype=inputs.dtype
    )
    return inputs * tf.cast(draws >= rate, inputs.dtype) / (1 - rate)
