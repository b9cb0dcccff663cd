"""What supernets of cells have in common: alpha, its schedule, its result."""

import keras
import tensorflow as tf

from tfnas import methods, regularization
from tfnas.networks.architecture import Architecture
from tfnas.relaxation import perturbed


class CellSupernet(keras.Model):
    """A network of search cells that share their architecture by kind.

    A subclass sets `method`, `operations` ({kind: names of each edge}),
    `nodes`, `image_shape`, `classes`, `channels` and `cell_count`, calls
    `build_architecture` first in its `build` and lays out its cells; `relaxed`
    gives their weights.
    """

    def build_architecture(self):
        """Make alpha and its companions, and what the schedule sets."""
        self.architecture_layer = Architecture(
            self.method, self.operations, self.nodes, dtype=self.dtype_policy
        )
        self.architecture_layer.build()
        self.skip_dropout_rate = self.auxiliary_weight = None
        self.beta_decay_weight = None
        if any(self.method.skip_dropout):
            self.skip_dropout_rate = self._scheduled("skip_dropout_rate", 0)
        if self.method.auxiliary_skip:
            self.auxiliary_weight = self._scheduled("auxiliary_weight", 1)
        if self.method.beta_decay:
            self.beta_decay_weight = self._scheduled("beta_decay_weight", 0)

    def _scheduled(self, name, value):
        return self.add_weight(
            name=name,
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=False,
        )

    def mixing_weights(self):
        """The relaxed architecture, as `Architecture.mixing_weights` tells."""
        weights = self.architecture_layer.mixing_weights()
        if self.auxiliary_weight is not None:
            fading = tf.convert_to_tensor(self.auxiliary_weight.value)
            for own in weights.values():
                own["auxiliary"] = fading
        return weights

    def relaxed(self, seed, radius=None):
        """`mixing_weights` as a step sees them, perturbed within a radius.

        Each kind of cell has noise of its own, as in SDARTS's code.

        Args:
            seed: two integers that decide the perturbation (SDARTS).
            radius: of it, or None.
        """
        weights = self.mixing_weights()
        if radius is not None:
            for number, kind in enumerate(sorted(weights)):
                own = weights[kind]
                # Folded in, so that the dropout of skips draws other numbers.
                noise = tf.random.fold_in(seed, number)
                own["alphas"] = perturbed(own["alphas"], radius, noise)
        return weights

    def of_cell(self, weights, index, training, seed):
        """A cell's part of the relaxed weights, with its skips' dropout.

        Args:
            weights: those of the cell's kind.
            index: the cell's place in the network.
            training: whether skips are dropped at all.
            seed: two integers that decide which.
        """
        own = dict(weights)
        if training and self.skip_dropout_rate is not None:
            rate = tf.convert_to_tensor(self.skip_dropout_rate.value)
            layer = tf.constant([index * (self.nodes + 1), 0], tf.int64)
            own["skip_dropout"] = (rate, tf.cast(seed, tf.int64) + layer)
        return own

    def architecture_loss(self):
        """What the method adds to the validation loss for alpha alone."""
        return regularization.own_loss(
            self.method,
            [v.value for v in self.architecture_layer.alphas.values()],
            self.beta_decay_weight,
        )

    @property
    def architecture(self):
        """The architecture variables by name.

        `alphas_normal`, `alphas_reduce`: (edges, candidates), rows in the
        order of `spaces.darts.edges`, columns in that of `operations`. By the
        method also `betas_*`: (edges, attentions); `edges_*`: (edges,);
        `gammas_*`: (attentions,).
        """
        return self.architecture_layer.by_name()

    def derive(self):
        """The `Genotype` that the present architecture stands for.

        A rule that found nothing to keep says in the genotype's provenance,
        under "fallback_normal" or "fallback_reduce", how it was replaced.
        """
        return self.architecture_layer.derive()

    @property
    def weight_variables(self):
        """The trainable variables that are not architecture: w."""
        architecture = {id(v) for v in self.architecture.values()}
        return [
            v for v in self.trainable_variables if id(v) not in architecture
        ]

    def get_config(self):
        return {
            "method": {"name": self.method.name, **self.method.values()},
            "input_shape": self.image_shape,
            "classes": self.classes,
            "channels": self.channels,
            "cells": self.cell_count,
            "operations": self.operations,
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["method"] = methods.from_values(config["method"])
        config["dtype"] = keras.saving.deserialize_keras_object(config["dtype"])
        return cls(**config)
