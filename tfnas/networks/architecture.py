"""The architecture of a supernet: its variables, relaxed and made discrete."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tfnas import derivation
from tfnas.derivation.perturbation import DROPPED, UNDECIDED
from tfnas.genotype import Genotype
from tfnas.genotype.schema import INPUTS
from tfnas.relaxation import RELAXATIONS, edge_softmax, softmax


class Architecture(keras.layers.Layer):
    """alpha and its companions, for each kind of cell (survey 3.2).

    alpha weighs the operations of every edge. Depending on the method, beta
    weighs attentions after them, gamma attentions on a cell's output, and
    "edges" the edges themselves. Under the rule "perturbation" a further
    variable holds what has been decided.

    Args:
        method: a `Method`.
        operations: {"normal": names of each edge, "reduce": the same}, or
            {"cell": names of each edge} in the space nasbench201.
        nodes: number of nodes of a cell.
        **kwargs: passed to `keras.layers.Layer`.

    Example:

    ```python
    supernet = tfnas.Supernet("darts", channels=4, cells=3)
    supernet.architecture_layer.by_name()["alphas_normal"].shape  # (14, 8)
    ```
    """

    def __init__(self, method, operations, nodes, **kwargs):
        super().__init__(name="architecture", **kwargs)
        self.method = method
        self.operations = operations
        self.nodes = nodes
        self.placement = method.placement

    def build(self, input_shape=None):
        second, end = self.placement.second, self.placement.end
        self.alphas, self.betas, self.edges, self.gammas = {}, {}, {}, {}
        self.decided = {}
        for kind in self.operations:
            edges = len(self.operations[kind])
            shape = np.shape(self.operations[kind])
            self._add(self.alphas, "alphas", kind, shape)
            if second:
                self._add(self.betas, "betas", kind, (edges, len(second)))
            if self.method.edge_normalization:
                self._add(self.edges, "edges", kind, (edges,))
            if end:
                self._add(self.gammas, "gammas", kind, (len(end),))
            if self.method.derivation == "perturbation":
                self.decided[kind] = self.add_weight(
                    name=f"decided_{kind}",
                    shape=(edges,),
                    initializer=keras.initializers.Constant(UNDECIDED),
                    dtype="int32",
                    trainable=False,
                )
        self.built = True

    def _add(self, group, name, kind, shape):
        group[kind] = self.add_weight(
            name=f"{name}_{kind}",
            shape=shape,
            initializer=keras.initializers.RandomNormal(
                stddev=self.method.alpha_deviation
            ),
        )

    def by_name(self):
        """The variables by name: alphas first, then betas, edges, gammas."""
        groups = {
            "alphas": self.alphas,
            "betas": self.betas,
            "edges": self.edges,
            "gammas": self.gammas,
        }
        return {
            f"{name}_{kind}": variables[kind]
            for name, variables in groups.items()
            for kind in variables
        }

    def values_among(self, operations):
        """The variables' values for some of each edge's candidates.

        Args:
            operations: {kind: the names of each edge}, all of them candidates.

        Returns:
            {name: array}, names as in `by_name`.
        """
        arrays = {
            name: keras.ops.convert_to_numpy(variable)
            for name, variable in self.by_name().items()
        }
        for kind, rows in operations.items():
            columns = [
                [list(before).index(name) for name in names]
                for before, names in zip(
                    self.operations[kind], rows, strict=True
                )
            ]
            name = f"alphas_{kind}"
            arrays[name] = np.take_along_axis(
                arrays[name], np.array(columns), 1
            )
        return arrays

    def mixing_weights(self):
        """The relaxed variables: {kind: {name: weights}}.

        "alphas" (edges, candidates) by the method's relaxation, without noise;
        "betas" and "gammas" by a softmax; "edges" (edges,) by one over each
        node's edges.
        """
        relax = RELAXATIONS[self.method.relaxation]
        weights = {}
        for kind in self.operations:
            own = {"alphas": relax(self.alphas[kind].value)}
            if self.betas:
                own["betas"] = softmax(self.betas[kind].value)
            if self.gammas:
                own["gammas"] = softmax(self.gammas[kind].value)
            if self.edges:
                own["edges"] = self._edge_softmax(kind)
            weights[kind] = own
        return weights

    def with_decisions(self, weights):
        """Mixing weights in which what has been decided replaces the mixture.

        A chosen operation weighs 1, all others of its edge 0; a dropped edge
        weighs 0, whatever else it has besides operations.
        """
        weights = dict(weights)
        for kind, variable in self.decided.items():
            own, alphas = dict(weights[kind]), weights[kind]["alphas"]
            decided = tf.convert_to_tensor(variable.value)
            chosen = tf.one_hot(decided, alphas.shape[-1], dtype=alphas.dtype)
            undecided = (decided == UNDECIDED)[:, None]
            own["alphas"] = tf.where(undecided, alphas, chosen)
            kept = tf.cast(decided != DROPPED, alphas.dtype)
            own["edges"] = kept * own["edges"] if "edges" in own else kept
            weights[kind] = own
        return weights

    @property
    def rule(self):
        """The rule that derives by the current values.

        What removals have not decided yet, the space's own rule decides.
        """
        rule = self.method.derivation
        own = self.method.search_space.derivations[0]
        return own if rule == "perturbation" else rule

    def derive(self):
        """The `Genotype` that the current values stand for."""
        cells, provenance = {}, {}
        for kind in self.operations:
            cells[kind], warning = self._derive_cell(kind)
            if warning:
                provenance[f"fallback_{kind}"] = warning
        return Genotype(self.method.space, **cells, provenance=provenance)

    def _derive_cell(self, kind):
        cell, warning = derivation.derive(
            self.rule,
            self.shares(kind),
            self.operations[kind],
            self.nodes,
            threshold=self.method.threshold,
            max_skips=self.method.skip_limit if kind == "normal" else None,
            attentions=_strongest(self.betas, kind, self.placement.second),
        )
        if self.gammas:
            best = _strongest(self.gammas, kind, self.placement.end)
            cell = dataclasses.replace(cell, attention=best[0])
        return cell, warning

    def shares(self, kind):
        """Weights to derive by: relaxed alpha times edge weights, float64.

        Decisions replace them as in `with_decisions`.
        """
        alphas = keras.ops.convert_to_numpy(self.alphas[kind])
        shares = derivation.mixing_weights(self.method.relaxation, alphas)
        if self.decided:
            decided = keras.ops.convert_to_numpy(self.decided[kind])[:, None]
            chosen = decided == np.arange(shares.shape[1])
            shares = np.where(decided == UNDECIDED, shares, chosen)
        if self.edges:
            edges = keras.ops.convert_to_numpy(self._edge_softmax(kind))
            shares = shares * edges[:, None]
        return shares

    def _edge_softmax(self, kind):
        inputs = INPUTS[self.method.space]
        return edge_softmax(self.edges[kind].value, self.nodes, inputs)


def _strongest(variables, kind, names):
    """The best candidate of each row other than `none`, or None."""
    if not variables:
        return None
    scores = np.atleast_2d(keras.ops.convert_to_numpy(variables[kind]))
    scores = np.where(np.array(names) == "none", -np.inf, scores)
    return derivation.strongest(scores, names)
