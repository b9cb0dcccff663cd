"""The time of a step at the machine's limit."""

from tfnas import cost
from tfnas.spaces import darts

# Passes of a step over the network, each as many multiply-adds as a forward
# pass: forward, gradient in the maps and gradient in the weights.
PASSES = {
    "alpha": 2,
    "weights": 3,
    "alpha + weights": 5,
    # Equation 8: a step of w, the gradients in alpha and w, two in alpha.
    "second order": 3 + 3 + 2 + 2,
    "retraining": 3,
    "inference": 1,
}
# Floats that a step of alpha and w must read and write for each element of an
# edge's output, counted by hand: maps of all candidates, forward and back.
TRAFFIC = 180


def candidates(config):
    """The candidate operations of every edge of either cell.

    If they are fewer than all, each edge has its own, in turn, so every
    candidate occurs about equally often: with as many sets as a late stage of
    P-DARTS, and neither a cheap choice nor a costly one.
    """
    method = config.searched
    names = method.candidates()
    kept = config.operations_kept
    if kept in (None, len(names)):
        return method.search_space.per_edge(names, method.nodes)
    rows = [
        [names[(edge + place) % len(names)] for place in range(kept)]
        for edge in range(len(darts.edges(method.nodes)))
    ]
    return {kind: rows for kind in darts.KINDS}


def search_multiply_adds(config):
    """Multiply-adds of one image in the supernet's forward pass."""
    method = config.searched
    return cost.supernet_cost(
        candidates(config),
        input_shape=(config.image_size, config.image_size, 3),
        **method.search_space.supernet_size(
            method, config.channels, config.cells
        ),
    ).multiply_adds


def floor(config, gemm, copy):
    """Seconds of an alpha and a weight step at the machine's limit.

    `gemm` is a matrix product's floating-point operations per second, `copy`
    the bytes that a copy reads and writes per second.
    """
    elements = cost.edge_outputs(
        (config.image_size, config.image_size),
        channels=config.channels,
        cells=config.cells,
        nodes=config.searched.nodes,
    )
    operations = 2 * PASSES["alpha + weights"] * search_multiply_adds(config)
    return config.batch * (operations / gemm + TRAFFIC * 4 * elements / copy)
