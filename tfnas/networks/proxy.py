"""The proxy: how good the derived cell is, without training it (survey 3.4).

It is the accuracy of the supernet, pruned to the cell, on a fixed part of the
validation half. Its distance to the whole supernet's accuracy is the
discretisation gap. Skips that win by other operations' weights lower it.
"""

import keras
import numpy as np

from tfnas import data
from tfnas.data import draws
from tfnas.networks.pruning import pruned_weights

IMAGES = 512


def fixed_part(dataset, places, images=IMAGES):
    """(images, labels) of at most `images` of those places, always the same.

    The images are normalised and not augmented.
    """
    # Shuffled, as a folder's images may be ordered by class.
    chosen = draws.shuffled(0, 0, np.asarray(places))[:images]
    part = dataset.train.take(chosen)
    return next(iter(data.evaluation_batches(part, dataset, len(chosen))))


def in_whole_batches(places, batch_size):
    """Those places, shuffled, as many as fill whole batches; always the same.

    A batch of few images has poor statistics. If there is no whole batch, all
    places stay.
    """
    # A folder's images may be ordered by class.
    places = draws.shuffled(0, 0, np.asarray(places))
    return places[: len(places) // batch_size * batch_size or None]


def described(batch):
    """summary.json's entry on the proxy's (images, labels).

    "majority_share" is the largest class's share, the accuracy of a constant
    answer: 2/3 for labels [0, 0, 1].
    """
    counts = np.unique(np.asarray(batch[1]), return_counts=True)[1]
    images = int(counts.sum())
    return {"images": images, "majority_share": int(counts.max()) / images}


def proxy_accuracy(supernet, batch):
    """The accuracy, in 0..1, of the supernet pruned to its current cell.

    The supernet does not change; batch norms use the batch's statistics.
    """
    images, labels = batch
    mixing = pruned_weights(supernet, supernet.derive())
    logits = still_logits(supernet, images, mixing=mixing)
    found = np.argmax(keras.ops.convert_to_numpy(logits), axis=-1)
    return float(np.mean(found == np.asarray(labels)))


def still_logits(supernet, inputs, mapping=(), **arguments):
    """Logits by the batch's statistics, without noise or side effects.

    `inputs` are normalised, (N, H, W, C); `mapping` has (variable, value)
    pairs, with the values to use for variables. Without a seed among the
    arguments nothing is random. Returns (N, classes).
    """
    # The batch norms' updates stay in the scope.
    with keras.StatelessScope(state_mapping=mapping):
        return supernet(inputs, training=True, **arguments)
