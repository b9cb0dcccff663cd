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
from tfnas.networks.pruning import pruned_weights

IMAGES = 512


def fixed_part(dataset, places, images=IMAGES):
    """One batch of at most so many images, always the same of those places.

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


def described(batch):
    """What summary.json says of the images that the proxy is measured on.

    Args:
        batch: (images, labels), as of `fixed_part`.

    Returns:
        {"images": how many, "majority_share": that of the largest class,
        which an answer that is always the same has right}.

    Example: `described((images, [0, 0, 1]))["majority_share"]` is 2/3.
    """
    counts = np.unique(np.asarray(batch[1]), return_counts=True)[1]
    images = int(counts.sum())
    return {"images": images, "majority_share": int(counts.max()) / images}


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
