"""The strengths of operations and edges, which the rules compare."""

import numpy as np

from tfnas.errors import UserError
from tfnas.spaces import darts


def softmax(alpha):
    """Softmax over the last axis in double precision (survey, section 3.2).

    Args:
        alpha: array, (..., operations).

    Returns:
        Float64 array of the same shape; the last axis sums to 1.

    Example:

    ```python
    softmax([0.0, 0.0])  # [0.5, 0.5]
    ```
    """
    alpha = np.asarray(alpha, np.float64)
    powers = np.exp(alpha - alpha.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(alpha):
    """Logistic function in double precision, the relaxation of FairDARTS.

    Args:
        alpha: array of any shape.

    Returns:
        Float64 array of the same shape, between 0 and 1.

    Example:

    ```python
    sigmoid([0.0])  # [0.5]
    ```
    """
    return (1 + np.tanh(np.asarray(alpha, np.float64) / 2)) / 2


def dirichlet(alpha):
    """Mean of DrNAS's Dirichlet distribution in double precision.

    Args:
        alpha: array, (..., operations).

    Returns:
        beta / sum(beta) with beta = elu(alpha) + 1, a float64 array of the same
        shape; the last axis sums to 1.

    Example:

    ```python
    dirichlet([0.0, 2.0])  # [0.25, 0.75]
    ```
    """
    alpha = np.asarray(alpha, np.float64)
    beta = np.where(alpha > 0, alpha + 1, np.exp(np.minimum(alpha, 0)))
    return beta / beta.sum(axis=-1, keepdims=True)


# A sample's mean, or what it is a draw from, counts.
_WEIGHTS = {
    "softmax": softmax,
    "sigmoid": sigmoid,
    "gumbel": softmax,
    "gumbel_hard": softmax,
    "dirichlet": dirichlet,
}


def mixing_weights(relaxation, alpha):
    """The mixing weights of a relaxation without noise, in double precision.

    Args:
        relaxation: its name, as in `relaxation.RELAXATIONS`.
        alpha: array, (..., operations).

    Returns:
        Float64 array of the same shape.

    Example:

    ```python
    mixing_weights("gumbel", [0.0, 0.0])  # [0.5, 0.5]
    ```
    """
    return _WEIGHTS[relaxation](alpha)


def strongest(weights, names):
    """The name of each row's largest weight; the first of equal ones.

    Att-DARTS so chooses an edge's attention, from the softmax of beta.

    Args:
        weights: (edges, names) mixing weights.
        names: names of the columns.

    Returns:
        Tuple of one name per edge.

    Example:

    ```python
    strongest([[0.3, 0.7]], ("identity", "se"))  # ("se",)
    ```
    """
    return tuple(names[column] for column in np.argmax(weights, axis=-1))


def choosable(weights, operations, nodes):
    """Checked copy of the weights in which `none` is never the best."""
    weights = np.asarray(weights, np.float64)
    names = np.asarray(operations)
    rows = len(darts.edges(nodes))
    if weights.shape != names.shape or len(weights) != rows:
        raise UserError(
            f"weights of shape {weights.shape} for operations of shape "
            f"{names.shape}: a cell of {nodes} nodes needs {rows} rows in both"
        )
    if (names == "none").all(axis=1).any():
        raise UserError(
            "operations: an edge has only none; add another operation"
        )
    return np.where(names == "none", -np.inf, weights)


def two_strongest(scores, nodes, *, later_first=False):
    """Rows of each node's two best edges, the best first."""
    strength = scores.max(axis=1)
    sign = -1 if later_first else 1
    rows = []
    for node in all_nodes(nodes):
        incoming = [
            r for r, (_, to) in enumerate(darts.edges(nodes)) if to == node
        ]
        best = sorted(incoming, key=lambda r: (-strength[r], sign * r))
        rows += best[: darts.INPUTS_KEPT]
    return rows


def all_nodes(nodes):
    """The nodes' states, which a cell's output concatenates."""
    return tuple(range(2, nodes + 2))
