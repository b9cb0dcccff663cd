"""Att-DARTS's attentions, and where its supernet has them, written out.

A second implementation in plain TensorFlow, apart from tfnas, on the layers of
`reference_layers`. Source: Nakai, Matsubara and Uehara, Att-DARTS (2020),
section 3, and its authors' code (github.com/chomin/Att-DARTS, commit 1b273a1).
Each takes one edge's map (N, H, W, C) and its variables.
"""

import tensorflow as tf
from reference_layers import (
    SEARCHED,
    batch_norm,
    convolution,
    factorized_reduce,
    linear,
    spread,
)


def identity(x, part):
    return x


def squeeze_excitation(x, part):
    hidden = tf.nn.relu(linear(mean(x), part["squeeze"]))
    return x * tf.sigmoid(linear(hidden, part["excite"]))


def bam(x, part):
    """x (1 + sigmoid(channel * position))."""
    channel = affine(mean(x), part, "squeeze")
    channel = tf.nn.relu(batch_norm(channel, part / "squeeze_norm"))
    channel = affine(channel, part, "excite")
    position = affine(x, part, "reduce")
    position = tf.nn.relu(batch_norm(position, part / "reduce_norm"))
    for turn in (1, 2):
        name = f"dilated_{turn}"
        position = convolution(position, spread(part[name], 4))
        position = batch_norm(
            position + part[f"{name}_bias"], part / f"norm_{turn}"
        )
        position = tf.nn.relu(position)
    return x * (1 + tf.sigmoid(channel * affine(position, part, "spatial")))


def cbam(x, part):
    """Weighs channels, then the positions of the weighed map."""

    def bottleneck(pooled):
        hidden = tf.nn.relu(affine(pooled, part, "squeeze"))
        return affine(hidden, part, "excite")

    largest = tf.reduce_max(x, [1, 2], keepdims=True)
    channel = tf.sigmoid(bottleneck(mean(x)) + bottleneck(largest))
    y = x * channel
    maps = [f(y, -1, keepdims=True) for f in (tf.reduce_max, tf.reduce_mean)]
    position = convolution(tf.concat(maps, -1), part["spatial"])
    return x * channel * tf.sigmoid(batch_norm(position, part / "norm"))


def gather_excite(x, part):
    """A depthwise kernel as large as the map, then a bottleneck."""
    gathered = tf.reduce_sum(x * part["gather"][..., 0], [1, 2], keepdims=True)
    hidden = linear(batch_norm(gathered, part / "norm"), part["squeeze"])
    return x * tf.sigmoid(linear(tf.nn.relu(hidden), part["excite"]))


def double_attention(x, part):
    """x + Z(G V), G = A softmax_positions(B)^T, V = softmax_channels(...)."""
    _, height, width, _ = x.shape
    a, b, v = (
        tf.reshape(y, [-1, height * width, y.shape[-1]])
        for y in (affine(x, part, n) for n in ("feature", "where", "which"))
    )
    gathered = tf.einsum("npm,npk->nmk", a, tf.nn.softmax(b, 1))
    handed = tf.einsum("nmk,npk->npm", gathered, tf.nn.softmax(v, 2))
    handed = tf.reshape(handed, [-1, height, width, a.shape[-1]])
    return x + affine(handed, part, "back")


ATTENTIONS = {
    "identity": identity,
    "se": squeeze_excitation,
    "bam": bam,
    "cbam": cbam,
    "ge_theta_plus": gather_excite,
    "double_attention": double_attention,
}

# === Where attentions are searched ===

CANDIDATES = (*SEARCHED, *list(ATTENTIONS)[1:])
# The candidates of a second mixture on every edge, by the placement's name.
SECOND = {
    "after_every": tuple(ATTENTIONS),
    "after_every_and_end": tuple(ATTENTIONS),
    "double_mixed": CANDIDATES,
}
AT_THE_END = ("end", "after_every_and_end")


def mixed_attention(x, part, weights, edge=0, edges=1):
    """sum_b weight_b attention_b(x), for one of the edges side by side."""
    terms = zip(ATTENTIONS.items(), tf.unstack(weights), strict=True)
    return sum(
        weight * attend(x, (part / name).on(edge, edges))
        for (name, attend), weight in terms
    )


def mixed_again(x, part, placement, weights, edge, edges):
    """The second mixture, on the result of one of the edges."""
    if placement != "double_mixed":
        return mixed_attention(x, part / "second", weights, edge, edges)
    own = part / f"second_{edge}"
    terms = zip(SECOND[placement], tf.unstack(weights), strict=True)
    return sum(
        weight * candidate(name, x, own / name, 1) for name, weight in terms
    )


def candidate(name, x, part, stride):
    """An operation, or an attention in its place.

    At stride 2 an attention has a factorized reduction before it.
    """
    if name in SEARCHED:
        return SEARCHED[name](x, part, stride)
    if stride == 2:
        x = factorized_reduce(x, part / "reduce")
    return ATTENTIONS[name](x, part / name)


def mean(x):
    return tf.reduce_mean(x, [1, 2], keepdims=True)


def affine(x, part, name):
    return linear(x, part[name]) + part[f"{name}_bias"]
