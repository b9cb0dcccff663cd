"""How good the derived cell is now, without training it (survey 3.4).

The supernet is pruned to the cell: the proxy is the pruned supernet's accuracy
on a fixed part of the validation half. What it lacks to the supernet's own is
the discretisation gap, and skips that win by the weights of other operations
lower it.
"""

import keras
import numpy as np
import tensorflow as tf

from tfnas import data
from tfnas.data import draws
from tfnas.spaces import darts, nasbench201

IMAGES = 512


def fixed_part(dataset, places, images=IMAGES):
    """One batch of at most so many images, the same for every seed.

    Args:
        dataset: a `Dataset`.
        places: integer array, its training images to choose from.
        images: how many are enough.

    Returns:
        (images, labels), normalised and not augmented.

    Example: `fixed_part(dataset, data.search_halves(dataset)[1])`.
    """
    # Mixed, since a folder's images may be in the order of their classes.
    chosen = draws.shuffled(0, 0, np.asarray(places))[:images]
    part = dataset.train.take(chosen)
    return next(iter(data.evaluation_batches(part, dataset, len(chosen))))


def proxy_accuracy(supernet, batch):
    """The accuracy of the supernet pruned to the cell that it derives now.

    Nothing of the supernet changes.

    Args:
        supernet: a `Supernet` or a `BenchSupernet`.
        batch: (images, labels), as of `fixed_part`; batch norms take its
            statistics.

    Returns:
        A share of 1, float.

    Example: `proxy_accuracy(supernet, fixed_part(dataset, places))`.
    """
    images, labels = batch
    mixing = pruned_weights(supernet, supernet.derive())
    logits = still_logits(supernet, images, mixing=mixing)
    found = np.argmax(keras.ops.convert_to_numpy(logits), axis=-1)
    return float(np.mean(found == np.asarray(labels)))


def still_logits(supernet, inputs, mapping=(), **arguments):
    """Logits by the batch's statistics, without dropout; nothing changes.

    Args:
        supernet: a supernet.
        inputs: normalised images, (N, H, W, C).
        mapping: (variable, value) pairs, values put in place of variables.
        **arguments: further ones of the supernet's call.

    Returns:
        (N, classes).

    Example: `still_logits(supernet, images)`.
    """
    mapping = list(mapping)
    rate = supernet.skip_dropout_rate
    if rate is not None:
        mapping.append((rate, tf.zeros_like(rate.value)))
    # What batch norms would note of the batch stays in the scope.
    with keras.StatelessScope(state_mapping=mapping):
        return supernet(inputs, training=True, **arguments)


def pruned_weights(supernet, genotype):
    """The mixing weights at the corner of the relaxation that a cell names.

    Operations that the cell keeps weigh 1 and all others 0; whole edges that
    it drops weigh 0, and with edge normalisation those that it keeps share 1
    as they did. Attentions keep their weights; a skip that fades (DARTS-) is
    gone.

    Args:
        supernet: a `Supernet` or a `BenchSupernet`.
        genotype: a `Genotype` of its operations.

    Returns:
        {kind: {name: weights}}, as the supernet's `mixing_weights`, with
        "edges" in any case.

    Example: `pruned_weights(supernet, supernet.derive())`.
    """
    weights = supernet.mixing_weights()
    for kind, own in weights.items():
        names = supernet.operations[kind]
        of_space = nasbench201 if kind == "cell" else darts
        places = of_space.edges(*([] if kind == "cell" else [supernet.nodes]))
        kept, whole = _kept(genotype.cells[kind], names, places)
        if "edges" in own:
            whole = _shared(whole * np.asarray(own["edges"]), places)
        dtype = own["alphas"].dtype
        own["alphas"] = tf.constant(kept, dtype)
        own["edges"] = tf.constant(whole, dtype)
        if "auxiliary" in own:
            own["auxiliary"] = tf.zeros_like(own["auxiliary"])
    return weights


def _kept(cell, names, places):
    """1 for what the cell keeps: (edges, candidates) and (edges,)."""
    kept, whole = np.zeros(np.shape(names)), np.zeros(len(places))
    for edge in cell.edges:
        row = places.index((edge.source, edge.to))
        kept[row, list(names[row]).index(edge.op)] = 1
        whole[row] = max(whole[row], edge.op != "none")
    return kept, whole


def _shared(shares, places):
    """Shares that sum to one over the edges into a node, if it has any."""
    nodes = np.array([to for _, to in places])
    totals = np.array([shares[nodes == node].sum() for node in nodes])
    return shares / np.where(totals > 0, totals, 1)
