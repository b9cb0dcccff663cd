"""A first convolution that whitens the patches of the images."""

import itertools

import numpy as np

# Added to the variances, as in the source.
EPSILON = 5e-4


def frozen_first(network):
    """The kernel of a network's first convolution, no longer trainable."""
    kernel = next(v for v in network.variables if v.path.startswith("stem"))
    kernel.trainable = False
    return kernel


def whiten(kernel, batches):
    """Give a first convolution filters that whiten the images' patches.

    They are the eigenvectors of the patches' covariance, over the roots of
    their eigenvalues, the largest first, each followed by its negative. If
    there are fewer patterns than filters, the rest keep their values.

    Args:
        kernel: the variable, (rows, columns, C, filters).
        batches: of normalised images to train on, (N, H, W, C) each.

    Source: Page, "How to train your ResNet" (2018), and Jordan
    (arXiv:2404.00498, section 3.2), there with 2x2 patches.
    """
    filters = np.array(kernel.value)
    rows, columns, depth, count = filters.shape
    found = whitening_filters(batches, (rows, columns))
    both = np.stack([found, -found], 1).reshape(-1, rows, columns, depth)
    both = both[:count]
    filters[..., : len(both)] = np.moveaxis(both, 0, -1)
    kernel.assign(filters)


def whitening_filters(batches, size):
    """Filters (patterns, rows, columns, C) that whiten patches of a size.

    The responses to the images' patches have the identity as their mean
    product, but for `EPSILON`; the first belong to the strongest patterns.
    """
    products, count = 0.0, 0
    for image in itertools.chain.from_iterable(batches):
        image = np.asarray(image, np.float64)
        windows = np.lib.stride_tricks.sliding_window_view(image, size, (0, 1))
        # (h, w, C, rows, columns) to the order of a kernel.
        windows = np.moveaxis(windows, 2, -1)
        shape = windows.shape[2:]
        patches = windows.reshape(-1, np.prod(shape))
        products, count = products + patches.T @ patches, count + len(patches)
    values, vectors = np.linalg.eigh(products / count)
    filters = (vectors / np.sqrt(np.maximum(values, 0) + EPSILON)).T[::-1]
    # An eigenvector's sign is LAPACK's choice.
    largest = np.abs(filters).argmax(1)
    signs = np.sign(filters[np.arange(len(filters)), largest])
    return (filters * signs[:, None]).reshape(-1, *shape)
