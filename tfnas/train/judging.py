"""Images judged by a trained network, alone and by several views."""

import numpy as np
import tensorflow as tf

from tfnas import data
from tfnas.data.views import averaged


def judge(model, split, dataset, recipe):
    """(confusion of a split's images, how many their views classify right).

    Args:
        model: from normalised images to logits.
        split: the images, a `Split` of the dataset.
        dataset: the `Dataset`.
        recipe: the `Recipe`, with the number of views.
    """
    classes, right = len(dataset.classes), 0
    confusion = np.zeros((classes, classes), np.int64)
    # On one device: `predict` under a strategy repeats a batch on all.
    function = tf.function(model, reduce_retracing=True)

    def classify(images):
        return function(images, training=False).numpy()

    for images, labels in data.evaluation_batches(
        split, dataset, recipe.batch_size
    ):
        logits, mean = averaged(
            classify, images, recipe.test_views, dataset.flip
        )
        labels = labels.numpy()
        np.add.at(confusion, (labels, logits.argmax(-1)), 1)
        right += int((mean.argmax(-1) == labels).sum())
    return confusion, right
