"""Names and shapes of an authors' network, written out from their classes.

A second statement of what `tfnas.convert.network_names` says, in the order of
the authors' `model.py`, for cells of separable and dilated convolutions, pools
and skips.
"""

import numpy as np


def _norm(prefix, channels):
    leaves = ("weight", "bias", "running_mean", "running_var")
    return {f"{prefix}.{leaf}": (channels,) for leaf in leaves}


def _operation(prefix, op, c, stride):
    if op == "skip_connect" and stride == 2:
        return _factorized(prefix, c, c)
    if "conv" not in op:
        return {}
    k = int(op[-1])
    shapes = {}
    for first in (1, 5) if op.startswith("sep") else (1,):
        shapes |= {
            f"{prefix}.op.{first}.weight": (c, 1, k, k),
            f"{prefix}.op.{first + 1}.weight": (c, c, 1, 1),
            **_norm(f"{prefix}.op.{first + 2}", c),
        }
    return shapes


def _factorized(prefix, inputs, c):
    return {
        f"{prefix}.conv_1.weight": (c // 2, inputs, 1, 1),
        f"{prefix}.conv_2.weight": (c // 2, inputs, 1, 1),
        **_norm(f"{prefix}.bn", c),
    }


def _relu_convolution(prefix, inputs, c):
    return {
        f"{prefix}.op.1.weight": (c, inputs, 1, 1),
        **_norm(f"{prefix}.op.2", c),
    }


def _cell(prefix, cell, widths, c, reduction, after_reduction):
    first = _factorized if after_reduction else _relu_convolution
    shapes = first(f"{prefix}.preprocess0", widths[0], c)
    shapes |= _relu_convolution(f"{prefix}.preprocess1", widths[1], c)
    for place, edge in enumerate(cell.edges):
        stride = 2 if reduction and edge.source < 2 else 1
        shapes |= _operation(f"{prefix}._ops.{place}", edge.op, c, stride)
    return shapes


def authors_shapes(
    genotype, c, cells, classes, *, imagenet=False, auxiliary=False, norms=2
):
    """{PyTorch name: shape} of a network of `c` channels."""
    if imagenet:
        shapes = {
            "stem0.0.weight": (c // 2, 3, 3, 3),
            **_norm("stem0.1", c // 2),
            "stem0.3.weight": (c, c // 2, 3, 3),
            **_norm("stem0.4", c),
            "stem1.1.weight": (c, c, 3, 3),
            **_norm("stem1.2", c),
        }
        widths = (c, c)
    else:
        shapes = {"stem.0.weight": (3 * c, 3, 3, 3), **_norm("stem.1", 3 * c)}
        widths = (3 * c, 3 * c)
    after_reduction = imagenet
    for index in range(cells):
        reduction = index in (cells // 3, 2 * cells // 3)
        c *= 2 if reduction else 1
        cell = genotype.reduce if reduction else genotype.normal
        prefix = f"cells.{index}"
        shapes |= _cell(prefix, cell, widths, c, reduction, after_reduction)
        widths = (widths[1], len(cell.concat) * c)
        after_reduction = reduction
        if index == 2 * cells // 3:
            middle = widths[1]
    if auxiliary:
        head = "auxiliary_head"
        shapes |= {
            f"{head}.features.2.weight": (128, middle, 1, 1),
            **_norm(f"{head}.features.3", 128),
            f"{head}.features.5.weight": (768, 128, 2, 2),
            **(_norm(f"{head}.features.6", 768) if norms == 2 else {}),
            f"{head}.classifier.weight": (classes, 768),
            f"{head}.classifier.bias": (classes,),
        }
    shapes["classifier.weight"] = (classes, widths[1])
    shapes["classifier.bias"] = (classes,)
    return shapes


def authors_arrays(*args, **options):
    """Random float32 arrays of `authors_shapes`."""
    generator = np.random.default_rng(0)
    return {
        name: generator.normal(size=shape).astype("float32")
        for name, shape in authors_shapes(*args, **options).items()
    }
