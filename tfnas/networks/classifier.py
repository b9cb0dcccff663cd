"""A network with its classes' names, from images in 0..255 to logits."""

import keras

from tfnas.layers.image_normalization import ImageNormalization


@keras.saving.register_keras_serializable(package="tfnas")
class ImageClassifier(keras.Model):
    """A Functional model that knows what its logits are called.

    Args:
        inputs: of `keras.Model`.
        outputs: of `keras.Model`.
        name: of `keras.Model`.
        classes: names of the classes in the order of the logits.
        **kwargs: of `keras.Model`.

    Attributes:
        classes: a tuple of str.

    Example: `ImageClassifier(images, logits, classes=("cat", "dog")).classes`.
    """

    # With these arguments Keras saves and clones it as a Functional model.
    def __init__(self, inputs, outputs, name=None, *, classes=(), **kwargs):
        super().__init__(inputs, outputs, name=name, **kwargs)
        self.classes = tuple(classes)

    def get_config(self):
        return {**super().get_config(), "classes": list(self.classes)}


def on_pixels(network, mean, std, classes):
    """The network of normalised images, on images in 0..255.

    Args:
        network: as of `build_network`, without an auxiliary classifier.
        mean: mean of each channel, in 0..1 units.
        std: deviation of each channel, in 0..1 units.
        classes: names of the classes in the order of the logits.

    Returns:
        An `ImageClassifier` with the same layers after an
        `ImageNormalization`, one flat network.

    Example: `on_pixels(network, (0.3,), (0.4,), "0123456789")`.
    """
    images = keras.Input(network.input_shape[1:], name="image")
    normalized = ImageNormalization(mean, std, name="normalization")(images)

    def call(layer, *args, **kwargs):
        # Whatever read the images reads the normalised ones.
        args = [normalized if x is images else x for x in args]
        return layer(*args, **kwargs)

    same = keras.models.clone_model(
        network,
        input_tensors=images,
        clone_function=lambda layer: layer,
        call_function=call,
    )
    return ImageClassifier(
        images, same.output, name=network.name, classes=classes
    )
