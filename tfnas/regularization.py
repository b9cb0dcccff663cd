"""Losses on the architecture only (survey 3.2.4), added to alpha's step."""

import tensorflow as tf

from tfnas.relaxation import concentration


def own_loss(method, alphas, decay_weight=None):
    """The loss that a method's values add to alpha's step.

    Args:
        method: a `Method`.
        alphas: list of arrays (edges, operations).
        decay_weight: current weight of `beta_decay`, or None.

    Returns:
        A scalar; 0.0 where the method adds nothing.

    Example: `own_loss(methods.get("darts"), alphas)` is 0.0.
    """
    loss = 0.0
    if method.zero_one_weight:
        distance = zero_one(alphas, method.zero_one_norm)
        loss += method.zero_one_weight * distance
    if decay_weight is not None:
        decay = beta_decay(alphas)
        loss += tf.cast(decay_weight, decay.dtype) * decay
    if method.dirichlet_kl:
        loss += method.dirichlet_kl * dirichlet_divergence(alphas)
    return loss


def zero_one(alphas, norm="l2"):
    """Fair DARTS's zero-one loss: pushes every sigmoid away from 1/2.

    L = -mean((sigmoid(alpha) - 1/2)^2), or with the absolute value ("l1"),
    over all numbers of both cells. Source: Chu et al., Fair DARTS
    (arXiv:1911.12126), equations 7 and 8, and the authors' code. The survey
    calls it a mean-square term of the training loss; it is negative and acts
    on alpha only.

    Args:
        alphas: list of arrays (edges, operations).
        norm: "l2" or "l1".

    Returns:
        A scalar, from -1/4 (l2) or -1/2 (l1) to 0.

    Example: `zero_one([tf.zeros((14, 7))])` is 0.
    """
    distance = tf.concat(
        [tf.reshape(tf.sigmoid(alpha) - 0.5, [-1]) for alpha in alphas], 0
    )
    measure = tf.square if norm == "l2" else tf.abs
    return -tf.reduce_mean(measure(distance))


def beta_decay(alphas):
    """beta-DARTS's regulariser: the smooth maximum of each edge's alpha.

    L = mean over the edges of log sum_o exp(alpha_o). It keeps the softmax from
    running away, which skips do first. Source: Ye et al., beta-DARTS (CVPR
    2022, arXiv:2203.01665), equation 12.

    Args:
        alphas: list of arrays (edges, operations).

    Returns:
        A scalar.

    Example: `beta_decay([tf.zeros((14, 8))])` is log 8.
    """
    return tf.reduce_mean(
        tf.concat([tf.reduce_logsumexp(alpha, -1) for alpha in alphas], 0)
    )


def dirichlet_divergence(alphas):
    """DrNAS's KL divergence of Dir(beta) from Dir(1), summed over the edges.

    With beta = elu(alpha) + 1, B its sum, psi the digamma function and K
    candidates, L = log Gamma(B) - sum_o log Gamma(beta_o) - log Gamma(K) +
    sum_o (beta_o - 1) (psi(beta_o) - psi(B)). It holds the samples near the
    uniform distribution. Source: Chen et al., DrNAS (arXiv:2006.10355),
    and the authors' code.

    Args:
        alphas: list of arrays (edges, operations).

    Returns:
        A scalar, 0 or more.

    Example: `dirichlet_divergence([tf.zeros((14, 7))])` is 0.
    """
    return tf.add_n([_divergence(concentration(alpha)) for alpha in alphas])


def _divergence(beta):
    total = tf.reduce_sum(beta, -1, keepdims=True)
    candidates = tf.cast(beta.shape[-1], beta.dtype)
    logs = tf.reduce_sum(tf.math.lgamma(beta), -1)
    constants = tf.math.lgamma(total[..., 0]) - tf.math.lgamma(candidates)
    pull = (beta - 1) * (tf.math.digamma(beta) - tf.math.digamma(total))
    return tf.reduce_sum(constants - logs + tf.reduce_sum(pull, -1))
