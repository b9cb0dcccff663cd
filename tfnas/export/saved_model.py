"""The SavedModel, laid out for TensorFlow Serving, with warm-up requests."""

import numpy as np
import tensorflow as tf

WARM_UP = "assets.extra/tf_serving_warmup_requests"
_WARM_UP_BATCHES = (1, 8)


def write(path, model, endpoints, name):
    """Write a SavedModel folder.

    It holds the endpoints and their variables, not the Keras model, which would
    add every weight and the layers' functions once more, nor custom gradients:
    nobody trains a server.

    Args:
        path: the folder.
        model: the model of the endpoints' variables.
        endpoints: of `graph.endpoints`.
        name: the network's name for servers, for the warm-up requests.
    """
    served = tf.Module()
    served.weights = [variable.value for variable in model.variables]
    served.endpoints = endpoints
    tf.saved_model.save(
        served,
        str(path),
        signatures=endpoints,
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    _write_warm_up(path / WARM_UP, model.input_shape[1:], name)


def _write_warm_up(path, shape, name):
    """Requests that TensorFlow Serving replays before it serves a version.

    Otherwise the first requests would wait for tracing and allocation.
    """
    path.parent.mkdir()
    gray = np.full(shape, 128, "uint8")
    file = tf.io.encode_png(gray).numpy()
    with tf.io.TFRecordWriter(str(path)) as records:
        for count in _WARM_UP_BATCHES:
            images = np.stack([gray] * count).astype("float32")
            for signature, inputs in (
                ("serving_default", {"image": images}),
                ("serving_bytes", {"image_bytes": np.array([file] * count)}),
            ):
                records.write(prediction_log(name, signature, inputs))


def prediction_log(name, signature, inputs):
    """A request as TensorFlow Serving's protocol buffer `PredictionLog`.

    The messages are `PredictionLog.predict_log.request`, a `PredictRequest` of
    `model_spec` and `inputs`. They are only nested fields, so four lines write
    them without TensorFlow Serving's package; the tests read them with it.

    Args:
        name: the model's name.
        signature: the signature's name.
        inputs: {name: array}.

    Returns:
        bytes.
    """
    spec = _field(1, name.encode()) + _field(3, signature.encode())
    request = _field(1, spec)
    for key, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(2, _field(1, key.encode()) + _field(2, tensor))
    return _field(6, _field(1, request))


def _field(number, content):
    """A length-delimited field: a text, bytes or a message."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value):
    groups = [value & 127]
    while value := value >> 7:
        groups[-1] |= 128
        groups.append(value & 127)
    return bytes(groups)
