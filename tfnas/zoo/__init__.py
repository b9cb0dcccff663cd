"""The zoo: published genotypes, ours, and our trained networks, by name.

A network of the zoo is named `ARCHITECTURE.WEIGHTS`, as in timm:
`darts_fashion_mnist.fashion_mnist_c10_l5` is the cell that DARTS found on
Fashion-MNIST, trained there with 10 channels and 5 cells. A name without a dot
is a published cell, which has its paper's figures and no weights.
"""

from tfnas.zoo.genotypes import genotype, names, root
from tfnas.zoo.index import entries, entry, list_models
from tfnas.zoo.loading import check_weights, load

__all__ = [
    "check_weights",
    "entries",
    "entry",
    "genotype",
    "list_models",
    "load",
    "names",
    "root",
]
