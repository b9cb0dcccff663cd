"""What a supernet loses without one of its operations (DARTS-PT)."""

import tensorflow as tf

from tfnas.networks.proxy import still_logits
from tfnas.networks.pruning import without


class Removals:
    """Accuracy and loss of a supernet, whole and without single parts.

    Batch norms use each batch's statistics, as in the authors' code. The
    mixing weights are an input of one traced function, so that neither a
    removal nor a decision traces it again.

    Args:
        supernet: of cells, whose method derives by "perturbation". Its weights
            and statistics do not change.
        batches: of normalised images and class numbers, not augmented.

    Example: `Removals(supernet, batches)("normal", edge=3, column=1)`.
    """

    def __init__(self, supernet, batches):
        self.supernet, self.batches = supernet, batches

        @tf.function(reduce_retracing=True, autograph=False)
        def measured(images, labels, mixing):
            logits = still_logits(supernet, images, mixing=mixing)
            right = tf.argmax(logits, -1) == labels
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels, logits
            )
            return tf.math.count_nonzero(right), tf.reduce_sum(losses)

        self._measured = measured

    def __call__(self, kind=None, edge=None, column=None):
        """(accuracy, mean cross-entropy) without an operation or an edge.

        Args:
            kind: of the cell; None removes nothing.
            edge: its place among the cell's edges.
            column: the operation's place among the edge's candidates; None
                removes the whole edge.
        """
        architecture = self.supernet.architecture_layer
        weights = self.supernet.mixing_weights()
        mixing = architecture.with_decisions(weights)
        if kind is not None:
            mixing = without(mixing, kind, edge, column)
        right = loss = count = 0
        for images, labels in self.batches:
            found = self._measured(images, labels, mixing)
            right, loss = right + int(found[0]), loss + float(found[1])
            count += len(labels)
        return right / count, loss / count
