"""The supernet: every architecture of the search space in one network."""

import keras
import numpy as np
import tensorflow as tf

from tfnas import derivation, methods
from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.layers.cells import SearchCell
from tfnas.layers.kernels import uniform
from tfnas.layers.normalization import BatchNormalization
from tfnas.layers.shared_trace import SharedTrace
from tfnas.relaxation import RELAXATIONS
from tfnas.spaces import darts

KINDS = ("normal", "reduce")


@keras.saving.register_keras_serializable(package="tfnas")
class Supernet(keras.Model):
    """A stack of search cells, from images to logits (survey, figure 1).

    Stem, cells, global average pooling, classifier. Cells a third and two
    thirds into the stack are reduction cells, which halve the map and double
    the channels. All normal cells share one alpha, all reduction cells the
    other. The variables exist from construction on.

    Args:
        method: name of a method; it decides what no other argument does.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: channels of the first cell; the stem has three times as many.
        cells: number of cells.
        nodes: number of nodes in a cell.
        operations: candidate operations: None for the method's own; a list of
            names; or {"normal": lists of names, one for each edge in the order
            of `spaces.darts.edges`, "reduce": the same}.
        **kwargs: `name` and `dtype` of `keras.Model`; "float64" works.

    Call arguments:
        inputs: normalised images, (N, H, W, C).
        training: whether batch norms use the batch's statistics.

    Returns:
        Logits, (N, classes).

    Raises:
        UserError: for an image too small for two reductions, an unknown
            operation or method.

    Source: survey 3.1 and 3.2; DARTS (arXiv:1806.09055), sections 2.1, 2.2.

    Example:

    ```python
    supernet = tfnas.Supernet("darts", channels=4, cells=3)
    logits = supernet(np.zeros((2, 32, 32, 3), "float32"))
    print(supernet.derive().to_json())
    ```
    """

    def __init__(
        self,
        method="darts",
        *,
        input_shape=(32, 32, 3),
        classes=10,
        channels=None,
        cells=None,
        nodes=None,
        operations=None,
        name="supernet",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.method = methods.get(method)
        self.image_shape = tuple(input_shape)
        self.classes = classes
        self.channels = channels or self.method.channels
        self.cell_count = cells or self.method.cells[0]
        self.nodes = nodes or self.method.nodes
        self.operations = _per_edge(
            operations or self.method.operations, self.nodes
        )
        if min(self.image_shape[:2]) < 4:
            raise UserError(
                f"input_shape={self.image_shape}: two reductions need images "
                "of at least 4x4 pixels"
            )
        self._trace = SharedTrace()
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        # === Architecture ===
        self.alphas = {
            kind: self.add_weight(
                name=f"alphas_{kind}",
                shape=np.shape(self.operations[kind]),
                initializer=keras.initializers.RandomNormal(
                    stddev=self.method.alpha_deviation
                ),
            )
            for kind in KINDS
        }

        # === Stem ===
        options = {"dtype": self.dtype_policy}
        width = 3 * self.channels
        self.stem = keras.layers.Conv2D(
            width,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer=uniform(9 * input_shape[-1]),
            name="stem",
            **options,
        )
        self.stem_norm = BatchNormalization(name="stem_norm", **options)
        self.stem.build(input_shape)
        shape = (*input_shape[:3], width)
        self.stem_norm.build(shape)

        # === Cells ===
        self.cells = []
        shapes, channels, after_reduction = [shape, shape], self.channels, False
        for index in range(self.cell_count):
            reduction = index in darts.reductions(self.cell_count)
            channels *= 2 if reduction else 1
            cell = SearchCell(
                channels,
                self.operations[KINDS[reduction]],
                self.nodes,
                reduction=reduction,
                after_reduction=after_reduction,
                name=f"cell_{index}",
                **options,
            )
            cell.build(shapes)
            self.cells.append(cell)
            shapes = [shapes[1], cell.compute_output_shape(shapes)]
            after_reduction = reduction

        # === Classifier ===
        width = shapes[1][-1]
        self.classifier = keras.layers.Dense(
            self.classes,
            kernel_initializer=uniform(width),
            bias_initializer=uniform(width),
            name="classifier",
            **options,
        )
        self.classifier.build((None, width))
        self.built = True

    def call(self, inputs, training=False):
        relax = RELAXATIONS[self.method.relaxation]
        weights = {kind: relax(self.alphas[kind].value) for kind in KINDS}
        x = self.stem_norm(self.stem(inputs), training=training)
        states = [x, x]
        for cell in self.cells:
            output = cell(
                states,
                weights[KINDS[cell.reduction]],
                training=training,
                run=self._trace,
            )
            states = [states[1], output]
        return self.classifier(tf.reduce_mean(states[1], [1, 2]))

    @property
    def architecture(self):
        """The architecture variables by name.

        `alphas_normal` and `alphas_reduce`: (edges, candidates), rows in the
        order of `spaces.darts.edges`, columns in that of `operations`.
        """
        return {f"alphas_{kind}": self.alphas[kind] for kind in KINDS}

    @property
    def weight_variables(self):
        """The trainable variables that are not architecture: w."""
        architecture = {id(v) for v in self.architecture.values()}
        return [
            v for v in self.trainable_variables if id(v) not in architecture
        ]

    def derive(self):
        """The `Genotype` that the present alpha stands for."""
        relax = getattr(derivation, self.method.relaxation)
        rule = getattr(derivation, self.method.derivation)
        cells = {
            kind: rule(
                relax(keras.ops.convert_to_numpy(self.alphas[kind])),
                self.operations[kind],
                self.nodes,
            )
            for kind in KINDS
        }
        return Genotype("darts", **cells)

    def get_config(self):
        return {
            "method": self.method.name,
            "input_shape": self.image_shape,
            "classes": self.classes,
            "channels": self.channels,
            "cells": self.cell_count,
            "nodes": self.nodes,
            "operations": self.operations,
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["dtype"] = keras.saving.deserialize_keras_object(config["dtype"])
        return cls(**config)


def _per_edge(operations, nodes):
    """{"normal": names per edge, "reduce": ...}, checked."""
    edges = len(darts.edges(nodes))
    if not hasattr(operations, "keys"):
        operations = {kind: [list(operations)] * edges for kind in KINDS}
    operations = {
        kind: [list(names) for names in operations.get(kind, ())]
        for kind in KINDS
    }
    for kind, rows in operations.items():
        lengths = {len(names) for names in rows}
        if len(rows) != edges or len(lengths) != 1 or 0 in lengths:
            raise UserError(
                f"operations[{kind!r}]: give {edges} lists of equal length, "
                f"at least 1, one list for each edge of {nodes} nodes"
            )
        unknown = set(sum(rows, [])) - set(darts.PRIMITIVES)
        if unknown:
            raise UserError(
                f"operations[{kind!r}]: unknown {sorted(unknown)[0]!r}; "
                f"choose from {', '.join(darts.PRIMITIVES)}"
            )
    return operations
