"""The batches that a search can be fitted on, and errors about others."""

import keras
import tensorflow as tf

from tfnas.errors import UserError

PAIRS = (
    "give pairs of batches, ((images, labels), (images, labels)): the first "
    "trains the weights, the second alpha; tfnas.data.search_stream makes them"
)
NOT_WHOLE = (
    "ModelCheckpoint: a search is saved by its weights; use "
    'ModelCheckpoint("search.weights.h5", save_weights_only=True), or '
    "search.supernet.save for the supernet alone"
)


def check_fit(arguments):
    """Refuse arguments that a search's `fit` does not take, before it starts.

    Args:
        arguments: {name: value} of `keras.Model.fit`.

    Raises:
        UserError: one sentence.
    """
    if arguments.get("y") is not None:
        raise UserError(f"fit(x, y): one batch cannot do both; {PAIRS}")
    for name in ("class_weight", "sample_weight"):
        if arguments.get(name) is not None:
            raise UserError(
                f"fit({name}=): a search weighs images only by their class; "
                "use BilevelSearch(supernet, class_weights=[...])"
            )
    callbacks = arguments.get("callbacks") or ()
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    for each in callbacks if isinstance(callbacks, list | tuple) else ():
        whole = isinstance(each, keras.callbacks.ModelCheckpoint)
        if whole and not each.save_weights_only:
            raise UserError(NOT_WHOLE)


def halves(data):
    """The two batches of a step, if `fit` was given pairs.

    Under a strategy they cover all replicas.
    """
    paired = isinstance(data, tuple | list) and len(data) == 2
    if not paired or not all(isinstance(h, tuple | list) for h in data):
        raise UserError(f"fit: one batch cannot do both; {PAIRS}")
    for half in data:
        if len(half) != 2:
            raise UserError(
                f"fit: a batch has {len(half)} parts; give (images, labels) "
                "without weights"
            )
    return data


def labelled(batch):
    """(images, class numbers) of a replica's batch; labels may be one-hot."""
    images, labels = batch
    labels = tf.convert_to_tensor(labels)
    if labels.shape.rank == 2:
        one_hot = labels.shape[1] != 1
        labels = tf.argmax(labels, 1) if one_hot else labels[:, 0]
    return images, labels
