"""Drop path: in training, single images skip whole branches of a cell."""

import keras
import tensorflow as tf

from tfnas.devices import replicas


@keras.saving.register_keras_serializable(package="tfnas")
class DropPath(keras.layers.Layer):
    """Decides for every image which paths of all cells it takes.

    One layer draws for the whole network, so there is one rate to schedule and
    one random state to store. A path is kept with probability 1 - rate and
    divided by it; outside training all are kept.

    The draws are a function of the seed, the training step, the image's place
    in the global batch and the path: the same on any number of replicas and
    in a resumed run. `seed` is a variable, (seed, step); the layer counts the
    steps, and a training loop may set either.

    Args:
        rate: value of the variable `rate` until a schedule sets it.
        paths: number of paths of each cell.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        images: (N, ...), for the size of the batch.

    Returns:
        For each cell the factors of its paths, (N, paths).

    Source: Larsson et al., FractalNet (arXiv:1605.07648), in the form of
    NASNet's "scheduled drop path" (arXiv:1707.07012) and DARTS's code.

    Example: `DropPath(0.2, [8, 8])(tf.ones((4, 32, 32, 3)), training=True)`.
    """

    def __init__(self, rate, paths, **kwargs):
        super().__init__(**kwargs)
        self.initial_rate = rate
        self.paths = list(paths)

    def build(self, images_shape):
        self.rate = self.add_weight(
            name="rate",
            shape=(),
            initializer=keras.initializers.Constant(self.initial_rate),
            trainable=False,
        )
        self.seed = self.add_weight(
            name="seed",
            shape=(2,),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )
        self.built = True

    def call(self, images, training=False):
        shape = (tf.shape(images)[0], sum(self.paths))
        if training:
            rate = tf.convert_to_tensor(self.rate.value)
            kept = tf.cast(self._draws(shape, rate.dtype) >= rate, rate.dtype)
            factors = tf.cast(kept / (1 - rate), self.compute_dtype)
            self.seed.assign_add([0, 1])
        else:
            factors = tf.ones(shape, self.compute_dtype)
        return tf.split(factors, self.paths, axis=1)

    def _draws(self, shape, dtype):
        """Uniform numbers of this replica's part of the global batch."""
        images, paths = shape
        whole = replicas.total(images)
        draws = tf.random.stateless_uniform(
            (whole, paths), self.seed.value, dtype=dtype
        )
        count = replicas.count()
        if count == 1:
            return draws
        begin, end = replicas.part_of(whole, replicas.index(), count)
        return draws[begin:end]

    def get_config(self):
        return {
            **super().get_config(),
            "rate": self.initial_rate,
            "paths": self.paths,
        }
