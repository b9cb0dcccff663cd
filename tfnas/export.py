"""`tfnas.export`: a network as a SavedModel and as ONNX, shown to be equal.

The module can be called, as `tfnas.export(network, ...)`: a function of that
name could not stand beside a module of that name.
"""

import importlib.util
import re
import sys
import types
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfnas.data.augmentation import normalize
from tfnas.errors import UserError
from tfnas.layers import kernels
from tfnas.layers.genotype_cell import GenotypeCell
from tfnas.weight_files import staged

# tf2onnx knows no later one than 18.
OPSET = 17
TOLERANCE = 1e-4
_LIBRARIES = ("tf2onnx", "onnx", "onnxruntime")
# Images that the formats are compared on.
_IMAGES = 3


def export(network, folder, name="network", classes=None, mean=None, std=None):
    """Write a network for use without this project.

    `FOLDER/NAME/1` is the SavedModel, laid out for TF Serving, and
    `FOLDER/NAME.onnx` the ONNX file. Both take "image", float32 (N, H, W, C)
    in 0..255, and give "logits" and "probabilities", float32 (N, classes), and
    "class", int64 (N,). The graph is the plain one of inference: no auxiliary
    classifier, no drop path, no operation of this project. Keras, SavedModel
    and ONNX Runtime must agree on random images, else nothing is left.

    Args:
        network: a network of `build_network`.
        folder: where to write; new or empty.
        name: name of the model and its file.
        classes: names of the classes, written to `FOLDER/classes.txt`, or
            None.
        mean: mean of each channel in 0..1 units that the network's images were
            normalised with, or None if the network takes 0..255 images.
        std: their deviation, given with `mean`.

    Returns:
        {"saved_model": path, "onnx": path, "deviation": the largest}.

    Raises:
        UserError: if a library is missing, an argument does not fit, the
            folder is in use, or the formats disagree.

    Example:

    ```python
    tfnas.export(network, "exported", "digits", mean=(0.3,), std=(0.4,))
    ```
    """
    folder = Path(folder).absolute()
    model = _inference(network)
    _check(model, folder, name, classes, mean, std)
    serve = _serving(model, mean, std)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with staged(folder) as aside:
        saved, onnx = aside / name / "1", aside / f"{name}.onnx"
        with kernels.plain():
            _write_saved_model(model, serve, saved)
            _write_onnx(model, serve, onnx)
        if classes is not None:
            text = "".join(f"{label}\n" for label in classes)
            (aside / "classes.txt").write_text(text, encoding="utf-8")
        deviation = _compare(_reference(network, mean, std), model, saved, onnx)
    return {
        "saved_model": folder / name / "1",
        "onnx": folder / f"{name}.onnx",
        "deviation": deviation,
    }


def _inference(network):
    """The network from images to logits, with the same weights.

    Only what leads to the logits is kept; cells no longer ask for the factors
    of drop path, so that nothing leads to the layer that draws them.
    """

    def call(layer, *args, **kwargs):
        if isinstance(layer, GenotypeCell):
            kwargs.pop("factors", None)
        return layer(*args, **kwargs)

    logits = _logits(network.output)
    once = keras.Model(network.input, logits, name=network.name)
    clone = keras.models.clone_model(
        once, clone_function=lambda layer: layer, call_function=call
    )
    # The clone still lists the layer of drop path.
    return keras.Model(clone.input, clone.output, name=network.name)


def _logits(outputs):
    return outputs["logits"] if isinstance(outputs, dict) else outputs


def _serving(model, mean, std):
    def serve(image):
        logits = tf.cast(
            model(_normalized(image, mean, std), training=False), tf.float32
        )
        return {
            "logits": logits,
            "probabilities": tf.nn.softmax(logits),
            "class": tf.argmax(logits, axis=-1),
        }

    return serve


def _normalized(images, mean, std):
    return images if mean is None else normalize(images, mean, std)


def _write_saved_model(model, serve, path):
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serving_default", serve, _signature(model))
    archive.write_out(str(path), verbose=False)


def _write_onnx(model, serve, path):
    import tf2onnx

    tf2onnx.convert.from_function(
        tf.function(serve, autograph=False),
        input_signature=_signature(model),
        opset=OPSET,
        output_path=str(path),
    )


def _signature(model):
    shape = (None, *model.input_shape[1:])
    return [tf.TensorSpec(shape, tf.float32, name="image")]


# === Equal ===


def _reference(network, mean, std):
    """Images to logits by the network as it was given."""

    def logits(images):
        inputs = _normalized(tf.constant(images), mean, std)
        outputs = _logits(network(inputs, training=False))
        return keras.ops.convert_to_numpy(outputs).astype("float32")

    return logits


def _compare(reference, model, saved, onnx):
    """The largest deviation of logits and probabilities; refuses a large one.

    Images are compared one by one, then as one batch.
    """
    import onnxruntime

    loaded = tf.saved_model.load(str(saved))
    endpoint = loaded.signatures["serving_default"]
    session = onnxruntime.InferenceSession(
        str(onnx), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]

    def by_saved_model(images):
        outputs = endpoint(image=tf.constant(images))
        return {name: value.numpy() for name, value in outputs.items()}

    def by_onnx(images):
        return dict(
            zip(names, session.run(names, {"image": images}), strict=True)
        )

    shape = (_IMAGES, *model.input_shape[1:])
    images = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    largest = 0.0
    for batch in (*np.split(images, _IMAGES), images):
        logits = reference(batch)
        # Logits have no scale of their own.
        scale = max(1.0, float(np.abs(logits).max()))
        probabilities = tf.nn.softmax(logits).numpy()
        for kind, run in (("SavedModel", by_saved_model), ("ONNX", by_onnx)):
            got = run(batch)
            deviation = max(
                float(np.abs(got["logits"] - logits).max()) / scale,
                float(np.abs(got["probabilities"] - probabilities).max()),
            )
            wrong = (got["class"] != got["logits"].argmax(-1)).any()
            # A NaN is not below the tolerance.
            if wrong or not deviation <= TOLERANCE:
                raise UserError(
                    f"{kind}: deviates from the network by {deviation:.1e}, "
                    f"more than {TOLERANCE:.0e}; nothing was exported"
                )
            largest = max(largest, deviation)
    return largest


# === Bad input ===


def _check(model, folder, name, classes, mean, std):
    for library in _LIBRARIES:
        if importlib.util.find_spec(library) is None:
            raise UserError(
                f"export: needs {library}; pip install 'tfnas[export]'"
            )
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name, re.ASCII):
        raise UserError(
            f"name={name}: use letters, digits, dots, dashes and underscores"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"folder={folder}: is in use; choose a new one")
    count = model.output_shape[-1]
    if classes is not None and len(classes) != count:
        raise UserError(
            f"classes: {len(classes)} names, but the network has {count}"
        )
    if (mean is None) != (std is None):
        raise UserError("mean, std: give both or neither")
    colors = model.input_shape[-1]
    for argument, values in (("mean", mean), ("std", std)):
        if values is not None and len(values) != colors:
            raise UserError(
                f"{argument}: {len(values)} values, but an image has {colors} "
                "channels"
            )


class _Callable(types.ModuleType):
    def __call__(self, *args, **kwargs):
        return export(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
