"""The supernet: every architecture of the search space in one network."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfnas import cost, methods
from tfnas.errors import UserError
from tfnas.layers.fast.normalization import BatchNormalization
from tfnas.layers.outgoing import EdgeOptions
from tfnas.layers.stem import ImagenetStem, small_stem
from tfnas.networks.cell_supernet import CellSupernet
from tfnas.networks.classifier import classifier
from tfnas.networks.darts import budget
from tfnas.networks.darts.evaluation import check_size
from tfnas.networks.darts.search_cell import SearchCell
from tfnas.spaces import darts
from tfnas.spaces.darts import KINDS


@keras.saving.register_keras_serializable(package="tfnas")
class Supernet(CellSupernet):
    """A stack of search cells, from images to logits (survey, figure 1).

    Stem, cells, global average pooling, classifier. Cells a third and two
    thirds into the stack are reduction cells, which halve the map and double
    the channels. All normal cells share one alpha, all reduction cells the
    other. The variables exist from construction on.

    Args:
        method: name of a method; it decides what other arguments do not.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: channels of the first cell; the stem has three times as many.
        cells: number of cells.
        nodes: number of nodes in a cell.
        operations: candidate operations: None for the method's own; a list of
            names; or {"normal": lists of names, one for each edge in the order
            of `spaces.darts.edges`, "reduce": the same}.
        attention: where attentions are searched; None for the method's own.
        stem: "cifar", or "imagenet", which halves the map three times; None
            for the method's own.
        **kwargs: `name` and `dtype` of `keras.Model`; "float64" works.

    Call arguments:
        inputs: normalised images, (N, H, W, C).
        training: whether batch norms use the batch's statistics.
        seed: two integers that decide what is random in training: skip
            dropout (P-DARTS), samples of the weights (SNAS, GDAS, DrNAS) and
            their perturbation (SDARTS); None for nothing.
        radius: of that perturbation, or None.
        mixing: weights instead of the relaxed architecture's, as in
            `mixing_weights`; for example an epoch's derived cell.

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

    home = darts.SPACE

    def __init__(
        self,
        method: str | methods.Method = "darts",
        *,
        input_shape: Sequence[int] = (32, 32, 3),
        classes: int = 10,
        channels: int | None = None,
        cells: int | None = None,
        nodes: int | None = None,
        operations: Sequence | Mapping | None = None,
        attention: str | None = None,
        stem: str | None = None,
        name: str = "supernet",
        **kwargs: Any,
    ) -> None:
        chosen = {"attention": attention, "stem": stem}
        chosen = {k: v for k, v in chosen.items() if v is not None}
        if chosen:
            method = methods.get(method).with_flags(chosen)
        size = {"channels": channels, "cells": cells, "name": name}
        super().__init__(method, input_shape, classes, **size, **kwargs)
        self.placement = self.method.placement
        self.nodes = nodes or self.method.nodes
        self.choose(operations)
        check_size(
            self.image_shape, self.channels, self.cell_count, self.method.stem
        )
        parts = self.method.partial_channels
        if self.channels % parts:
            raise UserError(
                f"channels={self.channels}: give a multiple of the method's "
                f"partial_channels={parts}"
            )
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy}

        self.build_architecture()

        # === Stem ===
        shapes = self._build_stem(input_shape, options)

        # === Cells ===
        self.cells = []
        edge_options = EdgeOptions(
            second=self.placement.second,
            partial=self.method.partial_channels,
            auxiliary_skip=self.method.auxiliary_skip,
        )
        channels = self.channels
        after_reduction = self.method.stem == "imagenet"
        for index in range(self.cell_count):
            reduction = index in darts.reductions(self.cell_count)
            channels *= 2 if reduction else 1
            cell = SearchCell(
                channels,
                self.operations[KINDS[reduction]],
                self.nodes,
                reduction=reduction,
                after_reduction=after_reduction,
                options=edge_options,
                end=self.placement.end,
                name=f"cell_{index}",
                **options,
            )
            cell.build(shapes)
            self.cells.append(cell)
            shapes = [shapes[1], cell.compute_output_shape(shapes)]
            after_reduction = reduction

        # === Classifier ===
        width = shapes[1][-1]
        self.classifier = classifier(
            self.classes, width, name="classifier", **options
        )
        self.classifier.build((None, width))
        self.built = True

    def _build_stem(self, input_shape, options):
        """Builds the first layers; returns the shapes of states 0 and 1."""
        if self.method.stem == "imagenet":
            self.stem = ImagenetStem(self.channels, name="stem", **options)
            self.stem.build(input_shape)
            return self.stem.compute_output_shape(input_shape)
        width = 3 * self.channels
        self.stem = small_stem(width, input_shape[-1], name="stem", **options)
        self.stem_norm = BatchNormalization(name="stem_norm", **options)
        self.stem.build(input_shape)
        shape = (*input_shape[:3], width)
        self.stem_norm.build(shape)
        return [shape, shape]

    def call(self, inputs, training=False, seed=None, radius=None, mixing=None):
        weights = mixing or self.relaxed(seed if training else None, radius)
        if self.method.stem == "imagenet":
            states = self.stem(inputs, training=training)
        else:
            x = self.stem_norm(self.stem(inputs), training=training)
            states = [x, x]
        for index, cell in enumerate(self.cells):
            own = self.of_cell(
                weights[KINDS[cell.reduction]], index, training, seed
            )
            output = cell(states, own, training=training, run=self._trace)
            states = [states[1], output]
        return self.classifier(tf.reduce_mean(states[1], [1, 2]))

    def architecture_loss(self):
        """The loss that the method adds to alpha's step."""
        loss = super().architecture_loss()
        if self.method.budget_macs:
            loss += self.method.budget_weight * self._over_budget()
        return loss

    def _over_budget(self):
        macs, fixed = cost.candidate_multiply_adds(
            self.operations,
            input_shape=self.image_shape,
            classes=self.classes,
            nodes=self.nodes,
            stem=self.method.stem,
            edge_attentions=self.placement.second,
            cell_attentions=self.placement.end,
        )
        return budget.over_budget(
            self.architecture_layer,
            macs,
            fixed,
            self.method.budget_macs * 1e6,
        )

    def get_config(self):
        return {**super().get_config(), "nodes": self.nodes}
