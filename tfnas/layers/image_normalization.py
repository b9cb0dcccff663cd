"""Normalisation of an image file's pixels to a network's inputs."""

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfnas")
class ImageNormalization(keras.layers.Layer):
    """Images in 0..255 to zero mean and unit deviation in each channel.

    It has no weights; the numbers are those of
    `tfnas.data.augmentation.normalize`, bit for bit.

    Args:
        mean: mean of each channel, in 0..1 units.
        std: standard deviation of each channel, in 0..1 units.
        classes: names of the classes, kept with the rest.
        **kwargs: passed to `keras.layers.Layer`.

    Example: `ImageNormalization((0.5,), (0.25,))(images)`.
    """

    def __init__(self, mean, std, classes=(), **kwargs):
        super().__init__(**kwargs)
        self.mean, self.std = tuple(mean), tuple(std)
        self.classes = tuple(classes)

    def call(self, images):
        mean, std = np.asarray(self.mean), np.asarray(self.std)
        scale = tf.constant(1 / (255 * std), tf.float32)
        shift = tf.constant(mean / std, tf.float32)
        normal = tf.cast(images, tf.float32) * scale - shift
        return tf.cast(normal, self.compute_dtype)

    def get_config(self):
        names = ("mean", "std", "classes")
        values = {name: list(getattr(self, name)) for name in names}
        return {**super().get_config(), **values}
