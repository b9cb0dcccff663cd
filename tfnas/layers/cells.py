"""Search cells: the directed graph that alpha weighs (survey 3.1, figure 1)."""

import keras
import tensorflow as tf

from tfnas.layers.mixed import MixedOperation
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
        **kwargs: as of `keras.layers.Layer`.

    Call arguments:
        inputs: the pair of the outputs of the cell before the last and of the
            last cell.
        weights: (edges, candidates), the relaxed alpha of this cell kind.
        run: how to call a mixed operation, e.g. a `SharedTrace`.

    Returns:
        (N, h, w, nodes * C).
    """

    def __init__(
        self,
        channels,
        operations,
        nodes=4,
        reduction=False,
        after_reduction=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.operations = [list(names) for names in operations]
        self.nodes = nodes
        self.reduction = reduction
        self.after_reduction = after_reduction
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
        shape = (*shapes[1][:3], self.channels)
        self.mixed = []
        for state, rows in enumerate(self.rows):
            layer = MixedOperation(
                self.channels,
                [self.operations[row] for row in rows],
                stride=2 if self.reduction and state < 2 else 1,
                name=f"state_{state}",
                dtype=self.dtype_policy,
            )
            layer.build(shape)
            self.mixed.append(layer)
            if state == 1:
                height, width = layer.compute_output_shape(shape)[1:3]
                shape = (shape[0], height, width, self.channels)
        self.built = True

    def call(self, inputs, weights, training=False, run=None):
        run = run or _directly
        states = [
            layer(x, training=training)
            for layer, x in zip(self.preprocess, inputs, strict=True)
        ]
        pending = 0  # sums of the unfinished nodes, side by side
        for state, rows in enumerate(self.rows):
            pending = pending + run(
                self.mixed[state],
                states[state],
                tf.gather(weights, rows),
                training=training,
            )
            if state >= 1:  # the next node has had its last edge
                states.append(pending[..., : self.channels])
                pending = pending[..., self.channels :]
        return tf.concat(states[2:], -1)

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
        }


def _directly(layer, *inputs, training):
    return layer(*inputs, training=training)
