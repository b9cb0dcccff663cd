"""Pruning a supernet to one cell, a corner of its relaxation."""

import numpy as np
import tensorflow as tf


def pruned_weights(supernet, genotype):
    """The mixing weights that leave only one cell of a supernet.

    Operations and attentions that the cell keeps weigh 1, all others 0; with
    edge normalisation the edges that it keeps keep their relative weights and
    sum to 1. The fading skip (DARTS-) is gone. The form is that of
    `mixing_weights`, so that functions traced for a training step serve here
    too; only channels that bypass the mixture need "edges" besides.
    """
    placement = supernet.method.placement
    places = supernet.space.edges(supernet.nodes)
    weights = supernet.mixing_weights()
    for kind, own in weights.items():
        cell = genotype.cells[kind]
        dtype = own["alphas"].dtype
        kept = kept_operations(supernet, kind, cell)
        whole = np.zeros(len(places))
        for edge in cell.edges:
            row = places.index((edge.source, edge.to))
            whole[row] = max(whole[row], edge.op != "none")
        own["alphas"] = tf.constant(kept, dtype)
        if "edges" in own:
            whole = _shared(whole * np.asarray(own["edges"]), places)
        if "edges" in own or supernet.method.partial_channels > 1:
            own["edges"] = tf.constant(whole, dtype)
        if "betas" in own:
            chosen = {
                (e.source, e.to): e.attention
                for e in cell.edges
                if e.op != "none"
            }
            names = [chosen.get(place) for place in places]
            own["betas"] = _one_hot(names, placement.second, dtype)
        if "gammas" in own:
            own["gammas"] = _one_hot([cell.attention], placement.end, dtype)[0]
        if "auxiliary" in own:
            own["auxiliary"] = tf.zeros_like(own["auxiliary"])
    return weights


def without(weights, kind, edge, column=None):
    """Mixing weights without one operation, or without a whole edge.

    The others keep their weights, as in DARTS-PT's code; those of an edge then
    sum to less than 1.

    Args:
        weights: as of `mixing_weights`, with "edges" where an edge goes.
        kind: of the cell.
        edge: its place among the cell's edges.
        column: the operation's place among the edge's candidates, or None.
    """
    own = dict(weights[kind])
    name = "edges" if column is None else "alphas"
    mask = np.ones(own[name].shape)
    mask[edge if column is None else (edge, column)] = 0
    own[name] = own[name] * tf.constant(mask, own[name].dtype)
    return {**weights, kind: own}


def kept_operations(supernet, kind, cell):
    """1 for every operation that a cell keeps, else 0: (edges, candidates)."""
    names = supernet.operations[kind]
    places = supernet.space.edges(supernet.nodes)
    kept = np.zeros(np.shape(names))
    for edge in cell.edges:
        row = places.index((edge.source, edge.to))
        kept[row, list(names[row]).index(edge.op)] = 1
    return kept


def _shared(shares, places):
    """Shares that sum to one over a node's incoming edges, if any."""
    nodes = np.array([to for _, to in places])
    totals = np.array([shares[nodes == node].sum() for node in nodes])
    return shares / np.where(totals > 0, totals, 1)


def _one_hot(names, candidates, dtype):
    """A one-hot row for each name; a dropped one has zeros."""
    return tf.constant([[n == c for c in candidates] for n in names], dtype)
