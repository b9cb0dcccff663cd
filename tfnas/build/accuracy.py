"""Test accuracy of a network of the zoo."""

import dataclasses

from tfnas import data


def correct_images(model, dataset, batch_size=256):
    """How many test images, in 0..255, a network classifies correctly.

    The network is as `tfnas.load` returns it.
    """
    import tensorflow as tf

    # Normalised with these, images stay in 0..255.
    colors = len(dataset.mean)
    plain = dataclasses.replace(
        dataset, mean=(0.0,) * colors, std=(1 / 255,) * colors
    )
    # `predict` warns of retracing when there are many networks.
    classify = tf.function(model, reduce_retracing=True)
    correct = 0
    for images, labels in data.evaluation_batches(
        dataset.test, plain, batch_size
    ):
        logits = classify(images, training=False).numpy()
        correct += int((logits.argmax(-1) == labels.numpy()).sum())
    return correct
