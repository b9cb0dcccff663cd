"""The served graph: images to logits, probabilities and class."""

import keras
import tensorflow as tf

from tfnas.data.image_bytes import decode
from tfnas.layers.fast import kernels
from tfnas.layers.fast.normalization import unfused
from tfnas.networks.classifier import in_units_of, logits_of
from tfnas.networks.genotype_cell import GenotypeCell
from tfnas.networks.mobile.inverted import Dropout


def inference(network):
    """The network from images to logits, with the same weights.

    Only layers that lead to the logits stay. Cells do not take drop path's
    factors, so nothing leads to the layer that draws them, and the mobile
    space's dropout goes with its random state.

    Args:
        network: a network of `build_network` or of `tfnas.load`.

    Returns:
        A Functional `keras.Model` with one output.
    """

    def call(layer, *args, **kwargs):
        if isinstance(layer, (Dropout, keras.layers.Dropout)):
            return args[0]
        if isinstance(layer, GenotypeCell):
            kwargs.pop("factors", None)
        return layer(*args, **kwargs)

    logits = logits_of(network.output)
    once = keras.Model(network.input, logits, name=network.name)
    clone = keras.models.clone_model(
        once, clone_function=lambda layer: layer, call_function=call
    )
    # The clone still lists the layer of drop path.
    return keras.Model(clone.input, clone.output, name=network.name)


def endpoints(model, mean=None, std=None, crop=1.0):
    """The two served functions, traced on the plain path.

    Args:
        model: of `inference`.
        mean: mean of each channel in 0..1 units, or None if the model takes
            images in 0..255.
        std: their deviation, given with `mean`.
        crop: the share of an image file's shorter side to keep.

    Returns:
        {"serving_default": function of "image", float32 (N, H, W, C) in
        0..255; "serving_bytes": function of "image_bytes", strings (N,) that
        are JPEG, PNG, GIF or BMP files}. Both give "logits" and
        "probabilities", float32 (N, classes), and "class", int64 (N,).
    """
    shape = model.input_shape[1:]
    images = tf.TensorSpec((None, *shape), tf.float32, name="image")
    files = tf.TensorSpec((None,), tf.string, name="image_bytes")

    @tf.function(input_signature=[images], autograph=False)
    def serving_default(image):
        inputs = in_units_of(image, mean, std)
        logits = tf.cast(model(inputs, training=False), tf.float32)
        return {
            "logits": tf.identity(logits, name="logits"),
            "probabilities": tf.nn.softmax(logits),
            "class": tf.argmax(logits, axis=-1),
        }

    @tf.function(input_signature=[files], autograph=False)
    def serving_bytes(image_bytes):
        image = tf.map_fn(
            lambda content: decode(content, shape, crop),
            image_bytes,
            fn_output_signature=tf.TensorSpec(shape, tf.float32),
            parallel_iterations=1,  # One decoded image at a time in memory.
        )
        return serving_default(image)

    # A compiled function inside a layer stops tf2onnx, which folds only batch
    # norms of plain operations into convolutions.
    with kernels.plain(), unfused():
        serving_default.get_concrete_function()
        serving_bytes.get_concrete_function()
    return {"serving_default": serving_default, "serving_bytes": serving_bytes}
