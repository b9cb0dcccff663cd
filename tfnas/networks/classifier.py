"""The end of a network: the classifier and its class names."""

import keras
import tensorflow as tf

from tfnas.data.augmentation import normalize
from tfnas.layers.fast.kernels import uniform
from tfnas.layers.image_normalization import ImageNormalization


def classifier(classes, width, **options):
    """The linear layer from features to logits, initialised as in PyTorch."""
    return keras.layers.Dense(
        classes,
        kernel_initializer=uniform(width),
        bias_initializer=uniform(width),
        **options,
    )


def pooled_logits(x, classes):
    """The logits of a map: global average pooling, then the classifier."""
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return classifier(classes, x.shape[-1], name="logits")(x)


@keras.saving.register_keras_serializable(package="tfnas")
class ImageClassifier(keras.Model):
    """A Functional model that knows its class names.

    The layer "normalization" holds them, as Keras clones a model by layers.

    Example: `on_pixels(network, (0.3,), (0.4,), ("cat", "dog")).classes`.
    """

    @property
    def classes(self):
        """Names of the classes in the order of the logits, a tuple of str."""
        return self.get_layer("normalization").classes


def on_pixels(network, mean, std, classes):
    """A network for normalised images, made to take images in 0..255.

    Args:
        network: as in `build_network`, without an auxiliary classifier.
        mean: mean of each channel, in 0..1 units.
        std: deviation of each channel, in 0..1 units.
        classes: names of the classes in the order of the logits.

    Returns:
        An `ImageClassifier` with the same layers after an
        `ImageNormalization`, one flat network.

    Example: `on_pixels(network, (0.3,), (0.4,), "0123456789")`.
    """
    images = keras.Input(network.input_shape[1:], name="image")
    normal = ImageNormalization(mean, std, classes, name="normalization")
    normalized = normal(images)

    def call(layer, *args, **kwargs):
        # The layers that read the images read the normalised ones.
        args = [normalized if x is images else x for x in args]
        return layer(*args, **kwargs)

    same = keras.models.clone_model(
        network,
        input_tensors=images,
        clone_function=lambda layer: layer,
        call_function=call,
    )
    return ImageClassifier(images, same.output, name=network.name)


def reference(network, mean=None, std=None):
    """Logits of images in 0..255 by the original network, in Keras."""

    def logits(images):
        inputs = in_units_of(tf.constant(images), mean, std)
        outputs = logits_of(network(inputs, training=False))
        return keras.ops.convert_to_numpy(outputs).astype("float32")

    return logits


def logits_of(outputs):
    """The logits among a network's outputs."""
    return outputs["logits"] if isinstance(outputs, dict) else outputs


def in_units_of(images, mean, std):
    """Images in 0..255, normalised for a network; unchanged without a mean."""
    return images if mean is None else normalize(images, mean, std)
