"""The network that retraining and inference are measured with."""

from tfnas.genotype import Cell, Edge, Genotype

# DARTS (arXiv:1806.09055), figures 4 and 5: second order, on CIFAR-10.
DARTS_V2 = Genotype(
    "darts",
    normal=Cell(
        (
            Edge("sep_conv_3x3", 0, 2),
            Edge("sep_conv_3x3", 1, 2),
            Edge("sep_conv_3x3", 0, 3),
            Edge("sep_conv_3x3", 1, 3),
            Edge("sep_conv_3x3", 1, 4),
            Edge("skip_connect", 0, 4),
            Edge("skip_connect", 0, 5),
            Edge("dil_conv_3x3", 2, 5),
        ),
        (2, 3, 4, 5),
    ),
    reduce=Cell(
        (
            Edge("max_pool_3x3", 0, 2),
            Edge("max_pool_3x3", 1, 2),
            Edge("skip_connect", 2, 3),
            Edge("max_pool_3x3", 1, 3),
            Edge("max_pool_3x3", 0, 4),
            Edge("skip_connect", 2, 4),
            Edge("skip_connect", 2, 5),
            Edge("max_pool_3x3", 1, 5),
        ),
        (2, 3, 4, 5),
    ),
)
