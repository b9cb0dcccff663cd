"""Evaluation cells: a genotype's graph (survey 3.4)."""

import keras
import tensorflow as tf

from tfnas.genotype import ATTENTIONS, Cell, Edge
from tfnas.layers.attention.mixed import attention
from tfnas.layers.base import Convolution
from tfnas.layers.operations import operation
from tfnas.layers.reduction import FactorizedReduce, ReluConvolution


@keras.saving.register_keras_serializable(package="tfnas")
class GenotypeEdge(keras.layers.Layer):
    """An operation and the attention, or second operation, on its result.

    Args:
        channels: C of the state and of the result.
        op: name of the operation.
        after: name of what follows (Att-DARTS), or None.
        stride: 1, or 2 for the inputs of a reduction cell.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        state: (N, H, W, C).
        activated: ReLU(state), which all edges of a state share.

    Returns:
        (N, ceil(H / stride), ceil(W / stride), C).

    Example: `GenotypeEdge(16, "sep_conv_3x3", "cbam")(x, tf.nn.relu(x))`.
    """

    def __init__(self, channels, op, after=None, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.op = op
        self.after = after
        self.stride = stride

    def build(self, state_shape, activated_shape=None):
        options = {"dtype": self.dtype_policy}
        self.operation = operation(
            self.op, self.channels, stride=self.stride, **options
        )
        self.operation.build(state_shape)
        self.second = None
        if self.after is not None:
            layer = attention if self.after in ATTENTIONS else operation
            self.second = layer(self.after, self.channels, **options)
            # It may be the same operation: the scope separates the paths.
            with keras.name_scope("after"):
                self.second.build(self.compute_output_shape(state_shape))
        self.built = True

    def call(self, state, activated, training=False):
        if isinstance(self.operation, Convolution):
            x = self.operation.convolve(activated, training=training)
        else:
            x = self.operation(state, training=training)
        if self.second is not None:
            x = self.second(x, training=training)
        return x

    def compute_output_shape(self, state_shape, activated_shape=None):
        return self.operation.compute_output_shape(state_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "op": self.op,
            "after": self.after,
            "stride": self.stride,
        }


@keras.saving.register_keras_serializable(package="tfnas")
class GenotypeCell(keras.layers.Layer):
    """A cell of an evaluation network.

    States 0 and 1 are the outputs of the two cells before, brought to C
    channels; a node is the sum of its edges; the output concatenates the nodes
    that the genotype names. Edges from an unreached state are left out, with
    their weights. Batch norms have a scale and an offset, pools have no batch
    norm.

    A path that drop path can remove is an edge that is not the identity (nor
    followed by the identity attention), or a node's whole sum.

    Args:
        cell: a `genotype.Cell`, or the fields of one.
        channels: C of every state.
        reduction: whether the edges of states 0 and 1 have stride 2.
        after_reduction: whether the cell before halved its map, so that
            state 0 must be halved too.
        drop: what a path is, "edge" (DARTS) or "node" (Fair DARTS).
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        inputs: the pair of the outputs of the cell before the last and of the
            last cell.
        factors: None, or the factors of the cell's paths in training,
            (N, paths), from `DropPath`.

    Returns:
        (N, h, w, nodes in the output * C).

    Example:

    ```python
    cell = Cell((Edge("sep_conv_3x3", 0, 2), Edge("skip_connect", 1, 2)), (2,))
    outputs = GenotypeCell(cell, 16)([tf.ones((1, 8, 8, 4))] * 2)
    ```
    """

    def __init__(
        self,
        cell,
        channels,
        reduction=False,
        after_reduction=False,
        drop="edge",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.cell = cell if isinstance(cell, Cell) else _cell(**cell)
        self.channels = channels
        self.reduction = reduction
        self.after_reduction = after_reduction
        self.drop = drop
        states = self.cell.live_states()
        self.nodes = states[2:]
        # Places in the genotype's list.
        self.live = [
            place
            for place, edge in enumerate(self.cell.edges)
            if edge.source in states
        ]
        self.paths = (
            [("node", node) for node in self.nodes]
            if drop == "node"
            else [("edge", n) for n in self.live if not self._is_identity(n)]
        )

    def _stride(self, place):
        return 2 if self.reduction and self.cell.edges[place].source < 2 else 1

    def _is_identity(self, place):
        edge = self.cell.edges[place]
        alone = edge.op == "skip_connect" and self._stride(place) == 1
        return alone or edge.attention in ("identity", "skip_connect")

    def build(self, inputs_shape, factors_shape=None):
        options = {"dtype": self.dtype_policy}
        previous = FactorizedReduce if self.after_reduction else ReluConvolution
        self.preprocess = [
            previous(self.channels, name="preprocess_0", **options),
            ReluConvolution(self.channels, name="preprocess_1", **options),
        ]
        for layer, shape in zip(self.preprocess, inputs_shape, strict=True):
            layer.build(shape)
        output_shape = self.compute_output_shape(inputs_shape)
        self.edges = []
        for place in self.live:
            edge = self.cell.edges[place]
            earlier = [other.to for other in self.cell.edges[:place]]
            layer = GenotypeEdge(
                self.channels,
                edge.op,
                edge.attention,
                stride=self._stride(place),
                name=f"edge_{earlier.count(edge.to)}",
                **options,
            )
            within = inputs_shape[1] if edge.source < 2 else output_shape
            with keras.name_scope(f"node_{edge.to}"):
                layer.build((*within[:3], self.channels))
            self.edges.append(layer)
        self.attention = None
        if self.cell.attention is not None:
            self.attention = attention(
                self.cell.attention, output_shape[-1], **options
            )
            with keras.name_scope("end"):
                self.attention.build(output_shape)
        self.built = True

    def call(self, inputs, factors=None, training=False):
        if not training:
            factors = None
        states = {
            index: layer(x, training=training)
            for index, (layer, x) in enumerate(
                zip(self.preprocess, inputs, strict=True)
            )
        }
        activated = {index: tf.nn.relu(x) for index, x in states.items()}
        for node in self.nodes:
            terms = []
            for place, layer in zip(self.live, self.edges, strict=True):
                edge = self.cell.edges[place]
                if edge.to == node:
                    state = states[edge.source], activated[edge.source]
                    term = layer(*state, training=training)
                    terms.append(self._dropped(term, ("edge", place), factors))
            total = tf.add_n(terms)
            states[node] = self._dropped(total, ("node", node), factors)
            activated[node] = tf.nn.relu(states[node])
        output = tf.concat([states[node] for node in self.cell.concat], -1)
        if self.attention is not None:
            output = self.attention(output, training=training)
        return output

    def _dropped(self, x, path, factors):
        if factors is None or path not in self.paths:
            return x
        column = self.paths.index(path)
        return x * factors[:, column, None, None, None]

    def compute_output_shape(self, inputs_shape, factors_shape=None):
        batch, height, width, _ = inputs_shape[1]
        if self.reduction:
            height, width = -(-height // 2), -(-width // 2)
        return (batch, height, width, len(self.cell.concat) * self.channels)

    def get_config(self):
        fields = {
            "edges": [
                [edge.op, edge.source, edge.to, edge.attention]
                for edge in self.cell.edges
            ],
            "concat": list(self.cell.concat),
            "attention": self.cell.attention,
        }
        return {
            **super().get_config(),
            "cell": fields,
            "channels": self.channels,
            "reduction": self.reduction,
            "after_reduction": self.after_reduction,
            "drop": self.drop,
        }


def _cell(edges, concat, attention):
    return Cell(tuple(Edge(*edge) for edge in edges), tuple(concat), attention)
