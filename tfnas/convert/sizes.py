"""Sizes of an evaluation network, read from the shapes in a weights file."""

import re

# The authors' sizes, by stem.
PUBLISHED = {
    "cifar": {"channels": 36, "cells": 20, "classes": 10, "image_size": 32},
    "imagenet": {
        "channels": 48,
        "cells": 14,
        "classes": 1000,
        "image_size": 224,
    },
}


def of_authors(shapes):
    """Sizes by the authors' names.

    Args:
        shapes: {PyTorch name: shape}.

    Returns:
        {size: value}, as far as the shapes tell: stem, channels, cells,
        classes, auxiliary, and the colors of an image.
    """
    return _sizes(
        imagenet=shapes.get("stem0.0.weight"),
        cifar=shapes.get("stem.0.weight"),
        axes=(0, 1),
        classes=shapes.get("classifier.bias"),
        cells=_numbers(r"cells\.(\d+)\.", shapes),
        auxiliary=_begins("auxiliary_head.", shapes),
    )


def of_paths(shapes):
    """Sizes by the paths of our variables, as in `of_authors`."""
    return _sizes(
        imagenet=shapes.get("stem_0/convolution"),
        cifar=shapes.get("stem/convolution"),
        axes=(3, 2),
        classes=shapes.get("logits/bias"),
        cells=_numbers(r"cell_(\d+)/", shapes),
        auxiliary=_begins("auxiliary/", shapes),
    )


def of_h5(shapes):
    """Sizes by the names in a .weights.h5 file, as in `of_authors`.

    Keras names its groups after classes and numbers those of a class.
    """
    stem = shapes.get("layers/stem_convolution/vars/0")
    # The first cell has no number.
    cells = _numbers(r"layers/genotype_cell(?:_(\d+))?/", shapes)
    several = _begins("layers/stem_convolution_2/", shapes)
    return _sizes(
        imagenet=stem if several else None,
        cifar=None if several else stem,
        axes=(3, 2),
        classes=shapes.get("layers/dense/vars/1"),
        cells=cells,
        auxiliary=_begins("layers/auxiliary_head/", shapes),
    )


def _sizes(imagenet, cifar, axes, classes, cells, auxiliary):
    """Sizes from the first convolution's shape and the other findings."""
    sizes = {"auxiliary": auxiliary}
    for stem, shape in (("cifar", cifar), ("imagenet", imagenet)):
        if shape is not None and len(shape) == 4:
            outputs, colors = (shape[axis] for axis in axes)
            # Three times or half as wide as the first cell.
            channels = outputs // 3 if stem == "cifar" else 2 * outputs
            sizes |= {"stem": stem, "channels": channels, "colors": colors}
    if classes is not None and len(classes) == 1:
        sizes["classes"] = classes[0]
    if cells:
        sizes["cells"] = max(cells) + 1
    return sizes


def _numbers(pattern, names):
    found = (re.match(pattern, name) for name in names)
    return {int(match[1] or 0) for match in found if match}


def _begins(prefix, names):
    return any(name.startswith(prefix) for name in names)
