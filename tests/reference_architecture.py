"""From alpha to the weights of a supernet, written out.

A second implementation in plain TensorFlow, apart from tfnas. Sources, by
function: DARTS (arXiv:1806.09055), equation 2; Fair DARTS (arXiv:1911.12126),
equation 6; PC-DARTS (arXiv:1907.05737), equation 5; SDARTS (arXiv:2002.05283),
section 3.2, and its authors' code (github.com/xiangning-chen/SmoothDARTS);
beta-DARTS (arXiv:2203.01665), equation 12.
"""

import tensorflow as tf


def softmax(alphas):
    """exp(alpha_o) / sum_o exp(alpha_o), row by row."""
    powers = tf.exp(alphas)
    return powers / tf.reduce_sum(powers, -1, keepdims=True)


def sigmoid(alphas):
    return 1 / (1 + tf.exp(-alphas))


RELAXATIONS = {"softmax": softmax, "sigmoid": sigmoid}


def edge_weights(values, nodes, inputs):
    """PC-DARTS: a softmax over the edges into each node."""
    found, first = [], 0
    for degree in range(inputs, inputs + nodes):
        found.append(softmax(values[first : first + degree]))
        first += degree
    return tf.concat(found, 0)


def perturbed(weights, radius, noise):
    """SDARTS-RS: weights + radius * noise, cut to 0..1 and scaled back.

    The noise is uniform in -1..1. Each row gets its former sum, which is 1 of
    a softmax.
    """
    moved = weights + radius * noise
    moved = tf.where(moved < 0, tf.zeros_like(moved), moved)
    moved = tf.where(moved > 1, tf.ones_like(moved), moved)
    before, after = (
        tf.reduce_sum(rows, -1, keepdims=True) for rows in (weights, moved)
    )
    return moved / after * before


def beta_decay(alphas):
    """beta-DARTS: the mean over all edges of log sum_o exp(alpha_o)."""
    edges = [tf.math.log(tf.reduce_sum(tf.exp(a), -1)) for a in alphas]
    return tf.reduce_mean(tf.concat(edges, 0))


def relaxed(part, kind, method, nodes, inputs, noise=None):
    """{name: weights} of the cells of a kind, from its raw variables.

    `noise` is a pair of the perturbation's radius and its numbers.
    """
    own = {"alphas": RELAXATIONS[method.relaxation](part[f"alphas_{kind}"])}
    if noise is not None:
        own["alphas"] = perturbed(own["alphas"], *noise)
    for name in ("betas", "gammas"):
        if f"{name}_{kind}" in part:
            own[name] = softmax(part[f"{name}_{kind}"])
    if f"edges_{kind}" in part:
        own["edges"] = edge_weights(part[f"edges_{kind}"], nodes, inputs)
    return own
