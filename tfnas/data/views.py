"""Views of test images, whose logits are averaged.

Source: Jordan's CIFAR-10 recipe (arXiv:2404.00498), multi-crop evaluation.
"""

import tensorflow as tf


def views(images, count, mirror=True):
    """Yields (weight, view) of normalised images; the image itself is first.

    Two views are the image and its mirror image. Six are these two with half
    of the weight, and both moved by a pixel up and left, and down and right.

    Args:
        images: (N, H, W, C).
        count: 1, 2 or 6.
        mirror: whether mirrored images show their class. Otherwise they are
            left out, and their originals count twice.
    """
    moved = [images]
    if count == 6:
        height, width = images.shape[1:3]
        around = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
        moved += [
            around[:, start : start + height, start : start + width]
            for start in (2, 0)
        ]
    for place, view in enumerate(moved):
        weight = 1.0 if len(moved) == 1 else (0.25 if place else 0.5)
        if count > 1 and mirror:
            yield weight / 2, view
            yield weight / 2, tf.reverse(view, [2])
        else:
            yield weight, view


def averaged(classify, images, count, mirror=True):
    """(logits of the images, weighted mean of the logits of their views)."""
    plain, mean = None, 0.0
    for weight, view in views(images, count, mirror):
        logits = classify(view)
        plain = logits if plain is None else plain
        mean += weight * logits
    return plain, mean
