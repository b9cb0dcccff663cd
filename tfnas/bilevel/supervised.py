"""Training one network on labelled images, as the authors do."""

import keras
import tensorflow as tf

from tfnas.bilevel.averaging import AveragedWeights
from tfnas.bilevel.class_weights import weighted
from tfnas.bilevel.optimizers import SGD
from tfnas.bilevel.search import clip_by_norm, descend
from tfnas.devices import replicas
from tfnas.devices.distributed_model import DistributedModel


class SupervisedTraining(DistributedModel):
    """A network of `build_network` whose `train_step` is the authors' recipe.

    The loss is the classifier's cross-entropy plus, weighted, the auxiliary
    classifier's, if there is one; the gradient is clipped before L2 is added,
    and SGD has PyTorch's form. The optimizer and its variables exist from
    construction on, so a checkpoint taken at any moment is whole.
    `class_weights`, as in `bilevel.class_weights`, weigh the images in the
    training losses, not in a test. `averages` are the `AveragedWeights`, None
    without `--average_weights`.
    """

    def __init__(self, network, recipe, class_weights=None, **kwargs):
        super().__init__(name="training", **kwargs)
        self.network = network
        self.recipe = recipe
        self.class_weights = class_weights
        self.trackers = {
            "loss": keras.metrics.Mean(name="loss"),
            "accuracy": keras.metrics.SparseCategoricalAccuracy("accuracy"),
        }
        optimizer = SGD(recipe.learning_rate, recipe.momentum, recipe.nesterov)
        optimizer.build(network.trainable_variables)
        self.image_size, self._train_functions = None, {}
        self.averages = None
        if recipe.average_weights:
            self.averages = AveragedWeights(network, recipe.average_weights)
        self.compile(optimizer, jit_compile=False)
        self.built = True

    @property
    def metrics(self):
        return list(self.trackers.values())

    def call(self, inputs, training=False):
        return _outputs(self.network(inputs, training=training))[0]

    def train_on(self, size):
        """Set (height, width) to which the next steps resize their images.

        None leaves them as they are. Each size has its own traced step, and
        all have the same weights.
        """
        if size == self.image_size:
            return
        self._train_functions[self.image_size] = self.train_function
        self.image_size = size
        self.train_function = self._train_functions.get(size)
        self.make_train_function()
        # A Functional model takes only the size that it was made for.
        self.network.input_spec = None

    def train_step(self, data):
        images, labels = data
        if self.image_size is not None:
            images = resized(images, self.image_size)
        variables = self.network.trainable_variables
        weights = [variable.value for variable in variables]
        with tf.GradientTape() as tape:
            logits, auxiliary = _outputs(self.network(images, training=True))
            losses = self._weighted(labels, logits)
            loss = _mean(losses)
            if auxiliary is not None:
                loss += self.recipe.auxiliary * _mean(
                    self._weighted(labels, auxiliary)
                )
        # Weights behind an unreached state have no gradient.
        gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
        gradients = clip_by_norm(
            replicas.total(gradients), self.recipe.gradient_clip
        )
        gradients = self._faster_biases(gradients, variables)
        decay = self.recipe.weight_decay
        descend(self.optimizer, gradients, variables, weights, decay)
        if self.averages is not None:
            self.averages.update(self.optimizer.iterations.value)
        return self._track(losses, labels, logits)

    def _faster_biases(self, gradients, variables):
        """Gradients with those of batch norms' biases times a factor.

        To SGD this is a learning rate as many times as high, with an L2 as
        many times smaller, as in Jordan's CIFAR-10 recipe (arXiv:2404.00498).
        """
        factor = self.recipe.norm_bias_rate
        if factor == 1:
            return gradients
        return [
            factor * g if v.path.endswith("/beta") else g
            for g, v in zip(gradients, variables, strict=True)
        ]

    def test_step(self, data):
        images, labels = data
        logits = self(images, training=False)
        return self._track(cross_entropies(labels, logits), labels, logits)

    def _weighted(self, labels, logits):
        smoothing = self.recipe.label_smoothing
        losses = cross_entropies(labels, logits, smoothing)
        return weighted(losses, labels, self.class_weights)

    def _track(self, losses, labels, logits):
        self.trackers["loss"].update_state(losses)
        if len(labels.shape) == 2:
            labels = tf.argmax(labels, -1)
        self.trackers["accuracy"].update_state(labels, logits)
        return self.get_metrics_result()


def resized(images, size):
    """Images (N, H, W, C) at another (height, width), with antialiasing."""
    smaller = tf.image.resize(images, size, antialias=True)
    return tf.cast(smaller, images.dtype)


def cross_entropies(labels, logits, smoothing=0.0):
    """Cross-entropy (N,) of each image with smoothed labels.

    Labels are class numbers, or shares of the classes, (N, classes). The share
    `smoothing` of a label, 0 to below 1, is spread over all classes.

    Source: `CrossEntropyLabelSmooth` in DARTS's `cnn/train_imagenet.py`.
    """
    if len(labels.shape) == 1:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    else:
        losses = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
    if not smoothing:
        return losses
    to_all = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
    return (1 - smoothing) * losses + smoothing * to_all


def _mean(losses):
    """This replica's part of the mean over the global batch."""
    images = replicas.total(tf.size(losses))
    return tf.reduce_sum(losses) / tf.cast(images, losses.dtype)


def _outputs(outputs):
    """(logits, auxiliary logits or None) in float32."""
    if not isinstance(outputs, dict):
        outputs = {"logits": outputs}
    return tuple(
        None if outputs.get(name) is None else tf.cast(outputs[name], "float32")
        for name in ("logits", "auxiliary")
    )
