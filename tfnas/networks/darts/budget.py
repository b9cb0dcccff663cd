"""The budget of a derived network's multiply-adds: `--budget_macs`.

The budget is for the paper's network, 36 channels and 20 cells, whatever the
supernet's size.
"""

import math

import numpy as np
import tensorflow as tf

from tfnas import cost
from tfnas.errors import UserError
from tfnas.methods.rules import THRESHOLD_RULES
from tfnas.relaxation import dirichlet_mean

_LOG_SHARES = {
    "softmax": tf.nn.log_softmax,
    "sigmoid": tf.math.log_sigmoid,
    "gumbel": tf.nn.log_softmax,
    "gumbel_hard": tf.nn.log_softmax,
    "dirichlet": lambda alpha: tf.math.log(dirichlet_mean(alpha)),
}


def check(method, image_shape, classes):
    """Refuse a budget that no network of the search can keep.

    The `UserError` names the smallest budget.
    """
    if not method.budget_macs:
        return
    placement = method.placement
    smallest = cost.smallest_multiply_adds(
        method.candidates(),
        nodes=method.nodes,
        by_threshold=method.derivation in THRESHOLD_RULES,
        skip_limit=method.skip_limit,
        edge_attentions=placement.second,
        cell_attentions=placement.end,
        input_shape=image_shape,
        classes=classes,
        stem=method.stem,
    )
    if method.budget_macs * 1e6 < smallest:
        height, width = image_shape[:2]
        raise UserError(
            f"--budget_macs={method.budget_macs:g}: the smallest network of "
            f"this search has {math.ceil(smallest / 1e4) / 100:.2f} million "
            f"multiply-adds on {height}x{width} images; use that or more"
        )


def over_budget(architecture, macs, fixed, budget):
    """How far the network that alpha stands for exceeds a budget.

    L = max(0, D - budget) / c, where D are that network's multiply-adds and c
    those of the costliest candidate, so the push is as strong for a small
    budget as for a large one. D moves in steps, so the gradient is that of the
    expectation E (a straight-through estimator): the push lasts until the
    network itself, not the mean of many, keeps the budget.

    Args:
        architecture: an `Architecture` of cells.
        macs: multiply-adds of each candidate, as in
            `cost.candidate_multiply_adds`.
        fixed: those that do not depend on the architecture.
        budget: the most that the derived network may have.

    Returns:
        A scalar; 0.0 if no candidate costs anything.

    Example: `over_budget(supernet.architecture_layer, macs, fixed, 3e8)`.
    """
    costliest = max(
        part.max(initial=0) for own in macs.values() for part in own.values()
    )
    if not costliest:
        return 0.0
    expected = expected_multiply_adds(architecture, macs, fixed)
    derived = derived_multiply_adds(architecture, macs, fixed)
    through = expected + tf.stop_gradient(derived - expected)
    return tf.nn.relu(through - budget) / costliest


def expected_multiply_adds(architecture, macs, fixed):
    """E: those of a network drawn by alpha, differentiable in alpha.

    Each node draws two of its edges, one after the other, weighted by strength;
    an edge is as strong as its best operation (times its own weight in
    PC-DARTS), as in the derivation. Then it draws its operation and attention
    by their shares. `none` takes part in the softmax that decides an edge's
    strength but is never drawn, as no derived cell contains it.

    Args: as in `over_budget`.

    Returns:
        A scalar. If every choice is certain, it is the derived network's.

    Example: `expected_multiply_adds(supernet.architecture_layer, macs, 1e6)`.
    """
    return _multiply_adds(
        architecture, macs, fixed, tf.nn.softmax, _chances_of_two
    )


def derived_multiply_adds(architecture, macs, fixed):
    """D, a scalar: those of the two strongest edges of each node.

    It ignores thresholds and limits on skips. Arguments as in `over_budget`.
    """
    return _multiply_adds(architecture, macs, fixed, _largest, _two_largest)


def _multiply_adds(architecture, macs, fixed, choose, keep):
    """Sums over the cells; `choose` weighs a row, `keep` a node's edges."""
    placement = architecture.placement
    alphas, betas = architecture.alphas, architecture.betas
    log_shares = _LOG_SHARES[architecture.method.relaxation]
    total = fixed
    for kind, names in architecture.operations.items():
        own = macs[kind]
        scores = _without_none(log_shares(alphas[kind].value), names)
        of_edge = _mean(choose(scores), own["alphas"])
        if betas:
            second = _without_none(betas[kind].value, placement.second)
            of_edge += _mean(choose(second), own["betas"])
        strength = tf.reduce_max(scores, -1)
        if architecture.edges:
            # The constant that a node's softmax takes off changes nothing.
            strength += architecture.edges[kind].value
        nodes = [node + 2 for node in range(architecture.nodes)]
        kept = [keep(part) for part in tf.split(strength, nodes)]
        total += tf.reduce_sum(tf.concat(kept, 0) * of_edge)
        if architecture.gammas:
            end = _without_none(architecture.gammas[kind].value, placement.end)
            total += _mean(choose(end), own["gammas"])
    return total


def _without_none(scores, names):
    return tf.where(np.array(names) == "none", -np.inf, scores)


def _mean(shares, macs):
    return tf.reduce_sum(shares * tf.cast(macs, shares.dtype), -1)


def _largest(scores):
    return tf.one_hot(
        tf.argmax(scores, -1), scores.shape[-1], dtype=scores.dtype
    )


def _two_largest(strength):
    places = tf.math.top_k(strength, 2).indices
    return tf.reduce_sum(
        tf.one_hot(places, strength.shape[0], dtype=strength.dtype), 0
    )


def _chances_of_two(strength):
    """The chance of each edge to be among two drawn without replacement."""
    first = tf.nn.softmax(strength)
    others = tf.where(np.eye(strength.shape[0], dtype=bool), -np.inf, strength)
    second = tf.linalg.matvec(tf.nn.softmax(others), first, transpose_a=True)
    return first + second
