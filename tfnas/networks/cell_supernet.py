"""The base of supernets of cells: alpha by kind, and its genotype."""

import keras
import tensorflow as tf

from tfnas.genotype import Genotype
from tfnas.networks.architecture import Architecture
from tfnas.networks.search_network import SearchNetwork


class CellSupernet(SearchNetwork):
    """A network of search cells that share their architecture by kind.

    A subclass calls `build_architecture` first in its `build` and lays out its
    cells; `relaxed` gives their weights.
    """

    def build_architecture(self):
        """Make alpha, its companions and the schedule's variables."""
        self.architecture_layer = Architecture(
            self.method, self.operations, self.nodes, dtype=self.dtype_policy
        )
        self.architecture_layer.build()
        self.build_schedule()

    def mixing_weights(self):
        """The relaxed architecture, as in `Architecture.mixing_weights`."""
        weights = self.architecture_layer.mixing_weights()
        if self.auxiliary_weight is not None:
            fading = tf.convert_to_tensor(self.auxiliary_weight.value)
            for own in weights.values():
                own["auxiliary"] = fading
        return weights

    def relaxed(self, seed, radius=None):
        """A step's `mixing_weights`, sampled and perturbed within a radius.

        Each kind of cell has its own noise, as in the authors' code. What the
        rule "perturbation" has decided has none.

        Args:
            seed: two integers that decide the sample (SNAS, GDAS, DrNAS) and
                the perturbation (SDARTS); None for neither.
            radius: the perturbation's, or None.
        """
        weights = self.mixing_weights()
        kinds = sorted(weights) if seed is not None else ()
        for number, kind in enumerate(kinds):
            own, alpha = weights[kind], self.architecture[f"alphas_{kind}"]
            # Folded in, so that skip dropout draws other numbers.
            noise = tf.random.fold_in(seed, number)
            own["alphas"] = self.with_noise(
                own["alphas"], alpha.value, noise, radius
            )
        return self.architecture_layer.with_decisions(weights)

    def of_cell(self, weights, index, training, seed):
        """A cell's part of the relaxed weights, with its skips' dropout.

        Args:
            weights: those of the cell's kind.
            index: the cell's place in the network.
            training: whether skips are dropped.
            seed: two integers that decide which; None drops nothing.
        """
        own = dict(weights)
        drops = training and seed is not None
        if drops and self.skip_dropout_rate is not None:
            rate = tf.convert_to_tensor(self.skip_dropout_rate.value)
            layer = tf.constant([index * (self.nodes + 1), 0], tf.int64)
            own["skip_dropout"] = (rate, tf.cast(seed, tf.int64) + layer)
        return own

    @property
    def architecture(self) -> dict[str, keras.Variable]:
        """The architecture variables by name.

        `alphas_normal`, `alphas_reduce`: (edges, candidates), rows in the order
        of `spaces.darts.edges`, columns in that of `operations`. Some methods
        also have `betas_*`: (edges, attentions); `edges_*`: (edges,);
        `gammas_*`: (attentions,).
        """
        return self.architecture_layer.by_name()

    def derive(self) -> Genotype:
        """The `Genotype` that the current architecture stands for.

        If a rule found nothing to keep, the genotype's provenance says under
        "fallback_normal" or "fallback_reduce" what replaced it.
        """
        return self.architecture_layer.derive()

    def get_config(self):
        size = {"channels": self.channels, "cells": self.cell_count}
        return {**super().get_config(), **size}
