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
    """(images, labels) of at most `images` of those places, always the same.

    They are normalised and not augmented.
    """
    # Mixed, since a folder's images may be in the order of their classes.
    chosen = draws.shuffled(0, 0, np.asarray(places))[:images]
    part = dataset.train.take(chosen)
    return next(iter(data.evaluation_batches(part, dataset, len(chosen))))


def described(batch):
    """What summary.json says of the (images, labels) that the proxy takes.

    "majority_share" is that of the largest class, which an answer that is
    always the same has right: 2/3 for labels [0, 0, 1].
    """
    counts = np.unique(np.asarray(batch[1]), return_counts=True)[1]
    images = int(counts.sum())
    return {"images": images, "majority_share": int(counts.max()) / images}


def proxy_accuracy(supernet, batch):
    """The accuracy, in 0..1, of the supernet pruned to what it derives now.

    Nothing of the supernet changes; batch norms take the batch's statistics.
    """
    images, labels = batch
    mixing = pruned_weights(supernet, supernet.derive())
    logits = still_logits(supernet, images, mixing=mixing)
    found = np.argmax(keras.ops.convert_to_numpy(logits), axis=-1)
    return float(np.mean(found == np.asarray(labels)))


def still_logits(supernet, inputs, mapping=(), **arguments):
    """Logits by the batch's statistics, without dropout; nothing changes.

    `inputs` are normalised, (N, H, W, C); `mapping` has (variable, value)
    pairs, values put in place of variables. Returns (N, classes).
    """
    mapping = list(mapping)
    rate = supernet.skip_dropout_rate
    if rate is not None:
        mapping.append((rate, tf.zeros_like(rate.value)))
    # What batch norms would note of the batch stays in the scope.
    with keras.StatelessScope(state_mapping=mapping):
        return supernet(inputs, training=True, **arguments)
