"""Relaxations: from alpha to the weights of a mixture (survey 3.2).

Some are samples: each step of a search mixes by another draw. Evaluation and
derivation take the weights without noise.
"""

import tensorflow as tf


def softmax(alpha):
    """Competing operations, equation 2 of DARTS: each row sums to one.

    Args:
        alpha: (edges, candidates).

    Returns:
        Weights of the same shape.

    Example: `softmax(tf.zeros((14, 8)))` is 1/8 everywhere.
    """
    return tf.nn.softmax(alpha, axis=-1)


def sigmoid(alpha):
    """Independent operations, equation 6 of Fair DARTS: each in (0, 1).

    Args:
        alpha: (edges, candidates).

    Returns:
        Weights of the same shape.

    Example: `sigmoid(tf.zeros((14, 7)))` is 1/2 everywhere.
    """
    return tf.sigmoid(alpha)


def dirichlet_mean(alpha):
    """Mean of DrNAS's Dirichlet distribution, beta / sum(beta).

    Args:
        alpha: (edges, candidates).

    Returns:
        Weights of the same shape; each row sums to one.

    Example: `dirichlet_mean(tf.zeros((14, 7)))` is 1/7 everywhere.
    """
    beta = concentration(alpha)
    return beta / tf.reduce_sum(beta, -1, keepdims=True)


def concentration(alpha):
    """DrNAS's concentrations beta = elu(alpha) + 1: positive, 1 for alpha 0.

    Source: Chen et al., DrNAS (arXiv:2006.10355).

    Args:
        alpha: array of any shape.

    Returns:
        Concentrations of the same shape.

    Example: `concentration(tf.constant([0.0, 2.0]))` is 1, 3.
    """
    return tf.nn.elu(alpha) + 1


# The weights without noise.
RELAXATIONS = {
    "softmax": softmax,
    "sigmoid": sigmoid,
    "gumbel": softmax,
    "gumbel_hard": softmax,
    "dirichlet": dirichlet_mean,
}


# === Samples ===


def gumbel(alpha, seed, temperature):
    """Gumbel-softmax: nearly one-hot samples, differentiable in alpha.

    softmax((alpha + g) / tau) with g = -log(-log u), u uniform in (0, 1): the
    lower the temperature tau, the closer to a draw of one operation by
    softmax(alpha). Source: Xie et al., SNAS (arXiv:1812.09926);
    Jang et al. (arXiv:1611.01144).

    Args:
        alpha: (edges, candidates).
        seed: two integers; the same seed gives the same numbers.
        temperature: tau, scalar, see `schedule.temperature`.

    Returns:
        Weights of the same shape; each row sums to one.

    Example: `gumbel(tf.zeros((14, 8)), seed=[0, 1], temperature=10.0)`.
    """
    # Not 0, whose logarithm is infinite.
    uniform = tf.random.stateless_uniform(
        tf.shape(alpha), seed, 1e-30, 1, alpha.dtype
    )
    noise = -tf.math.log(-tf.math.log(uniform))
    return tf.nn.softmax((alpha + noise) / temperature)


def gumbel_hard(alpha, seed, temperature):
    """One operation an edge; the gradient is that of `gumbel`'s weights.

    The largest of the weights becomes 1, the others 0 (straight-through).
    Source: Dong and Yang, GDAS (arXiv:1910.04465).

    Args:
        alpha: (edges, candidates).
        seed: two integers; the same seed gives the same numbers.
        temperature: tau, scalar, see `schedule.temperature`.

    Returns:
        One-hot rows of the same shape.

    Example: `gumbel_hard(tf.zeros((14, 8)), seed=[0, 1], temperature=10.0)`.
    """
    soft = gumbel(alpha, seed, temperature)
    best = tf.argmax(soft, -1)
    hard = tf.one_hot(best, alpha.shape[-1], dtype=alpha.dtype)
    # The difference is 0, so that the rows are one-hot without rounding.
    return hard + (soft - tf.stop_gradient(soft))


def dirichlet(alpha, seed):
    """Samples of a Dirichlet distribution, differentiable in alpha.

    theta ~ Dir(elu(alpha) + 1), as independent gamma variates divided by their
    sum; the derivative of each is that of its distribution function at a fixed
    quantile (Figurnov et al., arXiv:1805.08498). Source: Chen et al., DrNAS
    (arXiv:2006.10355).

    Args:
        alpha: (edges, candidates).
        seed: two integers; the same seed gives the same numbers.

    Returns:
        Weights of the same shape; each row sums to one.

    Example: `dirichlet(tf.zeros((14, 7)), seed=[0, 1])`.
    """
    variates = tf.random.stateless_gamma(
        tf.shape(alpha), seed, concentration(alpha), dtype=alpha.dtype
    )
    return variates / tf.reduce_sum(variates, -1, keepdims=True)


# What a step of training mixes by; other relaxations have no noise.
SAMPLES = {"gumbel": gumbel, "gumbel_hard": gumbel_hard, "dirichlet": dirichlet}


# === Edges, and noise on any relaxation ===


def edge_softmax(beta, nodes, inputs=2):
    """PC-DARTS's edge normalisation: the edges into a node share one weight.

    Source: Xu et al., PC-DARTS (arXiv:1907.05737), equation 5.

    Args:
        beta: (edges,), in the order of `spaces.darts.edges`.
        nodes: number of nodes; the i-th has i + inputs incoming edges.
        inputs: number of input states of a cell.

    Returns:
        (edges,), each node's edges summing to one.

    Example: `edge_softmax(tf.zeros(5), nodes=2)` is 1/2, 1/2, 1/3, 1/3, 1/3.
    """
    incoming = tf.split(beta, [node + inputs for node in range(nodes)])
    return tf.concat([tf.nn.softmax(part) for part in incoming], 0)


def perturbed(weights, radius, seed):
    """SmoothDARTS's random perturbation of the mixing weights (SDARTS-RS).

    The weights move by U(-radius, radius), are clipped to [0, 1] and scaled
    to their former sum. Source: Chen and Hsieh, SDARTS (arXiv:2002.05283),
    section 3.2; w is trained under it, alpha is not.

    Args:
        weights: (edges, operations).
        radius: scalar, see `schedule.perturbation`.
        seed: two integers; the same seed gives the same numbers.

    Returns:
        Weights of the same shape.

    Example: `perturbed(tf.fill((14, 8), 1 / 8), 0.03, seed=[0, 1])`.
    """
    noise = tf.random.stateless_uniform(
        tf.shape(weights), seed, -1, 1, weights.dtype
    )
    moved = weights + tf.cast(radius, weights.dtype) * noise
    moved = tf.clip_by_value(moved, 0, 1)
    total = tf.reduce_sum(weights, -1, keepdims=True)
    return moved * total / tf.reduce_sum(moved, -1, keepdims=True)
