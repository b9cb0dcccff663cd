"""The layers of NAS-Bench-201's networks (arXiv:2001.00326, section 2.1)."""

import dataclasses

import keras
import tensorflow as tf

from tfnas.genotype import Cell, Edge
from tfnas.layers.fast import kernels
from tfnas.layers.operations import DenseConvolution
from tfnas.layers.outgoing import (
    EdgeOptions,
    OutgoingEdges,
    weights_by_state,
)
from tfnas.networks.genotype_cell import GenotypeEdge
from tfnas.spaces import nasbench201


@keras.saving.register_keras_serializable(package="tfnas")
class BenchSearchCell(keras.layers.Layer):
    """A cell in which every edge is a mixed operation.

    State 0 is the cell's input; each of three nodes is the sum of its edges
    from all states before; the last node is the output.

    Args:
        channels: C of every state.
        operations: names of the candidate operations of each edge, in the
            order of `spaces.nasbench201.edges()`.
        options: `EdgeOptions`, or its fields, of every edge.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        inputs: (N, H, W, C).
        weights: as in `OutgoingEdges`, with a row for each edge of the cell.
        run: how to call a state's edges, a `SharedTrace`.

    Returns:
        (N, H, W, C).

    Example:

    ```python
    from tfnas.layers.fast.shared_trace import SharedTrace

    cell = BenchSearchCell(16, [nasbench201.PRIMITIVES] * 6)
    state, weights = tf.ones((1, 8, 8, 16)), {"alphas": tf.fill((6, 5), 1 / 5)}
    output = cell(state, weights, run=SharedTrace())
    ```
    """

    def __init__(self, channels, operations, options=None, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.operations = [list(names) for names in operations]
        if not isinstance(options, EdgeOptions):
            options = EdgeOptions(**(options or {}))
        # The benchmark's pools have no batch norm.
        self.options = dataclasses.replace(options, normalize_pools=False)
        edges = nasbench201.edges()
        self.rows = [
            [row for row, (source, _) in enumerate(edges) if source == state]
            for state in range(nasbench201.NODES)
        ]

    def build(self, input_shape):
        self.outgoing = []
        for state, rows in enumerate(self.rows):
            layer = OutgoingEdges(
                self.channels,
                [self.operations[row] for row in rows],
                options=self.options,
                name=f"state_{state}",
                dtype=self.dtype_policy,
            )
            layer.build(input_shape)
            self.outgoing.append(layer)
        self.built = True

    def call(self, inputs, weights, run, training=False):
        parts = weights_by_state(self.rows, weights)
        state, pending = inputs, None  # sums of the unfinished nodes
        for layer, own in zip(self.outgoing, parts, strict=True):
            outputs = run(layer, state, own, training=training)
            if pending is not None:
                outputs = tf.add_n([pending, outputs])
            rest = outputs.shape[-1] - self.channels
            state, pending = tf.split(outputs, [self.channels, rest], -1)
        return state

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "operations": self.operations,
            "options": dataclasses.asdict(self.options),
        }


@keras.saving.register_keras_serializable(package="tfnas")
class BenchCell(keras.layers.Layer):
    """The cell of a genotype.

    Batch norms have a scale and an offset. A node that only `none` reaches is
    zero.

    Args:
        cell: a `genotype.Cell` of the space nasbench201, or its edges as
            lists of [operation, from, to].
        channels: C of every state.
        **kwargs: passed to `keras.layers.Layer`.

    Example: `BenchCell(genotype.cell, 16)(tf.ones((1, 8, 8, 16)))`.
    """

    def __init__(self, cell, channels, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(cell, Cell):
            edges = tuple(Edge(*edge) for edge in cell)
            cell = Cell(edges, (nasbench201.NODES,))
        self.cell = cell
        self.channels = channels

    def build(self, input_shape):
        self.edges = []
        for edge in self.cell.edges:
            if edge.op == "none":
                continue
            layer = GenotypeEdge(
                self.channels,
                edge.op,
                name=f"from_{edge.source}",
                dtype=self.dtype_policy,
            )
            with keras.name_scope(f"node_{edge.to}"):
                layer.build(input_shape)
            self.edges.append((edge, layer))
        self.built = True

    def call(self, inputs, training=False):
        states = [inputs]
        for node in range(1, nasbench201.NODES + 1):
            terms = [
                layer(
                    states[edge.source],
                    tf.nn.relu(states[edge.source]),
                    training=training,
                )
                for edge, layer in self.edges
                if edge.to == node
            ]
            states.append(tf.add_n(terms) if terms else tf.zeros_like(inputs))
        return states[-1]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        edges = [[edge.op, edge.source, edge.to] for edge in self.cell.edges]
        return {
            **super().get_config(),
            "cell": edges,
            "channels": self.channels,
        }


@keras.saving.register_keras_serializable(package="tfnas")
class ResidualBlock(keras.layers.Layer):
    """The block that halves the map between two stacks of cells.

    Two 3x3 convolutions, each after a ReLU and before a batch norm, the first
    with stride 2, plus a shortcut of a 2x2 average pool and a 1x1 convolution.

    Args:
        channels: output channels.
        **kwargs: passed to `keras.layers.Layer`.

    Example: `ResidualBlock(32)(tf.ones((1, 8, 8, 16)))`, (1, 4, 4, 32).
    """

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels

    def build(self, input_shape):
        options = {"kernel_size": 3, "dtype": self.dtype_policy}
        self.first = DenseConvolution(
            self.channels, stride=2, name="first", **options
        )
        self.second = DenseConvolution(self.channels, name="second", **options)
        self.first.build(input_shape)
        self.second.build(self.compute_output_shape(input_shape))
        depth = input_shape[-1]
        self.shortcut = self.add_weight(
            name="shortcut",
            shape=(1, 1, depth, self.channels),
            initializer=kernels.uniform(depth),
        )
        self.built = True

    def call(self, inputs, training=False):
        x = self.first(inputs, training=training)
        x = self.second(x, training=training)
        pooled = tf.nn.avg_pool2d(inputs, 2, 2, "SAME")
        return x + kernels.pointwise(pooled, self.shortcut.value)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return (batch, -(-height // 2), -(-width // 2), self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}
