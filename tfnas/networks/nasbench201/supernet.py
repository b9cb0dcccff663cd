"""The supernet of NAS-Bench-201.

Like the networks found with it, it is a stem, three stacks of cells with
residual blocks in between, batch norm, ReLU, global average pooling, a
classifier.
"""

import keras
import tensorflow as tf

from tfnas.layers.fast.normalization import BatchNormalization
from tfnas.layers.outgoing import EdgeOptions
from tfnas.networks.cell_supernet import CellSupernet
from tfnas.networks.classifier import classifier
from tfnas.networks.nasbench201.cells import BenchSearchCell
from tfnas.networks.nasbench201.evaluation import check_size, layers_of
from tfnas.spaces import nasbench201


@keras.saving.register_keras_serializable(package="tfnas")
class BenchSupernet(CellSupernet):
    """The network in which every edge of the one cell mixes its candidates.

    Args:
        method: name of a method, or a `Method`, of this space.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: of the first stack; None for the method's own.
        cells: number of cells, a multiple of three; None for the method's own.
        operations: candidates: None for the method's own, a list of names, or
            {"cell": lists of names, one for each of six edges}.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        inputs: normalised images, (N, H, W, C).
        training: whether batch norms use the batch's statistics.
        seed: two integers that decide what is random in training; None for
            nothing.
        radius: of the perturbation of the weights (SDARTS), or None.
        mixing: weights instead of the relaxed architecture's, as in
            `mixing_weights`; for example an epoch's derived cell.

    Returns:
        Logits, (N, classes).

    Raises:
        UserError: for an image below 4x4 pixels, another number of cells, an
            unknown operation or method.

    Source: NAS-Bench-201 (arXiv:2001.00326), figure 1.

    Example:

    ```python
    from tfnas import methods

    method = methods.get("darts").with_flags({"space": "nasbench201"})
    supernet = BenchSupernet(method, channels=4, cells=3)
    print(supernet.derive().to_json())
    ```
    """

    home = nasbench201.SPACE
    nodes = nasbench201.NODES

    def __init__(
        self,
        method,
        *,
        input_shape=(32, 32, 3),
        classes=10,
        channels=None,
        cells=None,
        operations=None,
        name="bench_supernet",
        **kwargs,
    ):
        size = {"channels": channels, "cells": cells, "name": name}
        super().__init__(method, input_shape, classes, **size, **kwargs)
        self.choose(operations)
        check_size(self.image_shape, self.cell_count)
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        self.build_architecture()
        options = {"dtype": self.dtype_policy}
        edge_options = EdgeOptions(
            partial=self.method.partial_channels,
            auxiliary_skip=self.method.auxiliary_skip,
        )

        def cell(channels, name):
            names = self.operations["cell"]
            return BenchSearchCell(
                channels, names, edge_options, name=name, **options
            )

        self.stages = layers_of(cell, self.channels, self.cell_count, options)
        self.norm = BatchNormalization(name="last_norm", **options)
        width = self.channels * 2 ** (self.space.stacks - 1)
        self.classifier = classifier(
            self.classes, width, name="classifier", **options
        )
        shape = input_shape
        for layer in self.stages:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.norm.build(shape)
        self.classifier.build((None, width))
        self.built = True

    def call(self, inputs, training=False, seed=None, radius=None, mixing=None):
        noise = seed if training else None
        weights = (mixing or self.relaxed(noise, radius))["cell"]
        x = inputs
        for index, layer in enumerate(self.stages):
            if isinstance(layer, BenchSearchCell):
                own = self.of_cell(weights, index, training, seed)
                x = layer(x, own, run=self._trace, training=training)
            else:
                x = layer(x, training=training)
        x = tf.nn.relu(self.norm(x, training=training))
        return self.classifier(tf.reduce_mean(x, [1, 2]))
