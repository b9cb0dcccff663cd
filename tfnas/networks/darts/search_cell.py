"""Search cells: the directed graph that alpha weighs (survey 3.1, figure 1)."""

import dataclasses

import keras
import tensorflow as tf

from tfnas.layers.attention.mixed import MixedAttention
from tfnas.layers.outgoing import (
    EdgeOptions,
    OutgoingEdges,
    weights_by_state,
)
from tfnas.layers.reduction import FactorizedReduce, ReluConvolution
from tfnas.spaces import darts


@keras.saving.register_keras_serializable(package="tfnas")
class SearchCell(keras.layers.Layer):
    """A cell in which every edge is a mixed operation.

    States 0 and 1 are the outputs of the two cells before, brought to C
    channels; node i is the sum of its edges from all earlier states; the
    output concatenates the nodes.

    Args:
        channels: C of every state.
        operations: names of the candidate operations of each edge, in the
            order of `spaces.darts.edges(nodes)`.
        nodes: number of intermediate nodes.
        reduction: whether the edges of states 0 and 1 have stride 2.
        after_reduction: whether the cell before halved its map, so that
            state 0 must be halved too.
        options: `EdgeOptions`, or its fields, of every edge.
        end: attentions mixed on the cell's output, or ().
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        inputs: the pair of the outputs of the cell before the last and of the
            last cell.
        weights: the relaxed architecture of this cell kind: those of
            `OutgoingEdges` with a row for each edge of the cell, and "gammas":
            (attentions,) if there is an attention at the end.
        run: how to call a state's edges, e.g. a `SharedTrace`.

    Returns:
        (N, h, w, nodes * C).

    Example:

    ```python
    cell = SearchCell(16, [darts.PRIMITIVES] * 14)
    state = tf.ones((1, 8, 8, 16))
    output = cell([state, state], {"alphas": tf.fill((14, 8), 1 / 8)})
    ```
    """

    def __init__(
        self,
        channels,
        operations,
        nodes=4,
        reduction=False,
        after_reduction=False,
        options=None,
        end=(),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.operations = [list(names) for names in operations]
        self.nodes = nodes
        self.reduction = reduction
        self.after_reduction = after_reduction
        if not isinstance(options, EdgeOptions):
            options = EdgeOptions(**(options or {}))
        self.options = options
        self.end = tuple(end)
        edges = darts.edges(nodes)
        self.rows = [
            [row for row, (source, _) in enumerate(edges) if source == state]
            for state in range(nodes + 1)
        ]

    def build(self, shapes):
        options = {"affine": False, "dtype": self.dtype_policy}
        previous = FactorizedReduce if self.after_reduction else ReluConvolution
        self.preprocess = [
            previous(self.channels, name="preprocess_0", **options),
            ReluConvolution(self.channels, name="preprocess_1", **options),
        ]
        for layer, shape in zip(self.preprocess, shapes, strict=True):
            layer.build(shape)
        output_shape = self.compute_output_shape(shapes)
        self.outgoing = []
        for state, rows in enumerate(self.rows):
            layer = OutgoingEdges(
                self.channels,
                [self.operations[row] for row in rows],
                stride=2 if self.reduction and state < 2 else 1,
                options=self.options,
                name=f"state_{state}",
                dtype=self.dtype_policy,
            )
            within = shapes[1] if state < 2 else output_shape
            layer.build((*within[:3], self.channels))
            self.outgoing.append(layer)
        self.attention = None
        if self.end:
            self.attention = MixedAttention(
                self.nodes * self.channels,
                names=self.end,
                name="end",
                dtype=self.dtype_policy,
            )
            self.attention.build(output_shape)
        self.built = True

    def call(self, inputs, weights, training=False, run=None):
        run = run or _directly
        states = [
            layer(x, training=training)
            for layer, x in zip(self.preprocess, inputs, strict=True)
        ]
        parts = weights_by_state(self.rows, weights)
        pending = None  # sums of the unfinished nodes, side by side
        for state, (layer, own) in enumerate(
            zip(self.outgoing, parts, strict=True)
        ):
            outputs = run(layer, states[state], own, training=training)
            # Its gradient has fewer nodes than a sum's.
            pending = tf.add_n([pending, outputs]) if state else outputs
            if state >= 1:  # the next node has all its edges
                rest = pending.shape[-1] - self.channels
                done, pending = tf.split(pending, [self.channels, rest], -1)
                states.append(done)
        output = tf.concat(states[2:], -1)
        if self.attention is not None:
            gammas = weights["gammas"][None]
            output = self.attention(output, gammas, training=training)
        return output

    def compute_output_shape(self, shapes, weights_shape=None):
        batch, height, width, _ = shapes[1]
        if self.reduction:
            height, width = -(-height // 2), -(-width // 2)
        return (batch, height, width, self.nodes * self.channels)

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "operations": self.operations,
            "nodes": self.nodes,
            "reduction": self.reduction,
            "after_reduction": self.after_reduction,
            "options": dataclasses.asdict(self.options),
            "end": self.end,
        }


def _directly(layer, *inputs, training):
    return layer(*inputs, training=training)
