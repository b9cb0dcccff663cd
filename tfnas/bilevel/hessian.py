r"""The curvature of the validation loss in alpha (RobustDARTS).

    H = d^2 L_valid(w, alpha) / d alpha^2,   lambda = its largest eigenvalue

A large lambda means that the loss at a discrete architecture, a step away from
the mixture, will differ much from the mixture's. H is never formed: double
backpropagation gives its products with vectors,

    H v = d/d alpha <d L_valid / d alpha, v>,

and Lanczos's method finds the largest eigenvalue from a few of them.
"""

import numpy as np
import tensorflow as tf

from tfnas.bilevel.hypergradient import cross_entropy, values
from tfnas.layers.fast.normalization import unfused
from tfnas.networks.proxy import still_logits


class AlphaHessian:
    """The Hessian of the cross-entropy of one batch in the architecture.

    The batch, (images, labels), is fixed. w stays as it is (first order), and
    batch norms use the batch's statistics. Alpha's L2, whose coefficient the
    authors' code adds to every eigenvalue, and the method's own loss on alpha
    are left out. `class_weights` are those of alpha's loss.

    Batch norms are not fused here: in float32 the fused operation's second
    derivative put the largest eigenvalue 6 to 17 percent off.

    Source: Zela et al., RobustDARTS (arXiv:1909.09656), section 4.
    """

    def __init__(self, supernet, batch, class_weights=None):
        self.supernet = supernet
        self.class_weights = class_weights
        self.images, self.labels = batch
        self.alphas = list(supernet.architecture.values())
        self.size = sum(int(np.prod(v.shape)) for v in self.alphas)
        # Traced once and called for every product of every epoch.
        self._traced = tf.function(self._product, autograph=False)

    def product(self, vector):
        """H v in float64; v is the architecture's variables in a row."""
        pieces, start = [], 0
        for variable in self.alphas:
            end = start + int(np.prod(variable.shape))
            piece = np.reshape(vector[start:end], variable.shape)
            pieces.append(tf.constant(piece, variable.dtype))
            start = end
        parts = self._traced(self.images, self.labels, pieces)
        return np.concatenate([np.ravel(part) for part in parts]).astype(float)

    def largest_eigenvalue(self):
        """lambda, to about a thousandth."""
        return largest_eigenvalue(self.product, self.size)

    def _product(self, images, labels, vector):
        alphas = values(self.alphas)
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(alphas)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                inner.watch(alphas)
                mapping = zip(self.alphas, alphas, strict=True)
                with unfused():
                    logits = still_logits(self.supernet, images, mapping)
                loss = cross_entropy(labels, logits, self.class_weights)
            gradients = inner.gradient(loss, alphas)
            along = tf.add_n(
                [
                    tf.reduce_sum(g * v)
                    for g, v in zip(gradients, vector, strict=True)
                ]
            )
        return outer.gradient(
            along, alphas, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )


def largest_eigenvalue(product, size, steps=40, tolerance=1e-3):
    """The largest eigenvalue of a symmetric matrix, by its products alone.

    `product` maps a vector (size,) to the matrix times it. Lanczos's method
    with full reorthogonalisation stops once the error's bound, the residual of
    the Ritz vector, is below the relative tolerance, or after `steps`.

    Source: Golub and Van Loan, Matrix Computations, chapter 10.
    """
    vector = np.random.default_rng(0).normal(size=size)
    vector /= np.linalg.norm(vector)
    basis, diagonal, beside = [], [], []
    for _ in range(min(steps, size)):
        basis.append(vector)
        image = product(vector)
        diagonal.append(image @ vector)
        for _ in range(2):  # twice, to remove what rounding left
            image = image - np.array(basis).T @ (np.array(basis) @ image)
        norm = np.linalg.norm(image)
        matrix = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        ritz, vectors = np.linalg.eigh(matrix)
        if norm * abs(vectors[-1, -1]) <= tolerance * abs(ritz[-1]):
            break
        beside.append(norm)
        vector = image / norm
    return float(ritz[-1])
