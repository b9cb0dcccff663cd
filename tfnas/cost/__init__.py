"""Parameters and multiply-adds of a network, counted without building it.

Parameters are the trainable ones; alpha and beta do not count. Multiply-adds
are those of convolutions and linear layers for one image, as the papers count
them: batch norms, pools, sums and the matrix products within an attention
module are left out.

A map is (height, width); stride 2 rounds an odd size up.
"""

from tfnas.cost.layers import Cost
from tfnas.cost.networks import network_cost, supernet_cost

__all__ = ["Cost", "network_cost", "supernet_cost"]
