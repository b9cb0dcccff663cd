"""The gate: the files must agree with the network and hold no more.

Keras, the SavedModel in a process that cannot import tfnas, and ONNX Runtime
answer the same images: one, seven and sixty-four at a time.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from tfnas.errors import UserError
from tfnas.export import onnx_file

TOLERANCE = 1e-4
BATCHES = (1, 7, 64)
# Parts of names, and operations, that only training has.
_TRAINING = ("drop_path", "dropout", "auxiliary")
_RANDOM = ("Random", "StatelessRandom", "StatelessTruncated", "Multinomial")
_REPLAY = Path(__file__).with_name("replay.py")


def check(reference, shape, saved_model, onnx):
    """Compare the two forms with the network.

    Args:
        reference: of `classifier.reference`.
        shape: (H, W, C) of an image.
        saved_model: the folder.
        onnx: the file.

    Returns:
        The largest deviation of logits and probabilities, in units of the
        largest logit if that is above 1.

    Raises:
        UserError: if it exceeds `TOLERANCE`, a class is not the largest
            logit's, or a form cannot be run.
    """
    generator = np.random.default_rng(0)
    batches = [
        # Whole numbers, so that a PNG can hold the same images.
        generator.integers(0, 256, (count, *shape)).astype("float32")
        for count in BATCHES
    ]
    run = onnx_file.runner(onnx)
    saved = _in_another_process(saved_model, batches)
    largest = 0.0
    for number, images in enumerate(batches):
        logits = reference(images)
        for form, outputs in (
            ("ONNX Runtime", run(images)),
            ("SavedModel", saved[f"serving_default/{number}"]),
            ("SavedModel on bytes", saved[f"serving_bytes/{number}"]),
        ):
            found = deviation(logits, outputs)
            # A NaN is not below the tolerance.
            if not found <= TOLERANCE:
                raise UserError(
                    f"{form}: deviates from the network by {found:.1e} in a "
                    f"batch of {len(images)}, more than {TOLERANCE:.0e}; "
                    "nothing was exported"
                )
            largest = max(largest, found)
    return largest


def deviation(logits, outputs):
    """The deviation of outputs from those that follow from the logits.

    Args:
        logits: array (N, classes).
        outputs: {"logits", "probabilities", "class"} of arrays.

    Returns:
        The largest absolute difference, logits in units of the largest one if
        that is above 1; infinite if a class is wrong.
    """
    # Logits have no fixed scale.
    scale = max(1.0, float(np.abs(logits).max()))
    if (outputs["class"] != outputs["logits"].argmax(-1)).any():
        return float("inf")
    probabilities = tf.nn.softmax(logits).numpy()
    return float(
        np.maximum(
            np.abs(outputs["logits"] - logits).max() / scale,
            np.abs(outputs["probabilities"] - probabilities).max(),
        )
    )


def _in_another_process(saved_model, batches):
    """{SIGNATURE/NUMBER: outputs} by a process without tfnas."""
    requests = {}
    for number, images in enumerate(batches):
        files = [tf.io.encode_png(i.astype("uint8")).numpy() for i in images]
        requests[f"serving_default/{number}"] = images
        # NumPy would drop trailing zeros; a PNG's last byte is not zero.
        requests[f"serving_bytes/{number}"] = np.array(files)
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "asked.npz"), Path(folder, "told.npz")
        np.savez(asked, **requests)
        done = subprocess.run(
            [sys.executable, "-I", _REPLAY, saved_model, asked, answered],
            capture_output=True,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        if done.returncode:
            line = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise UserError(
                f"SavedModel: cannot be used without tfnas ({line}); nothing "
                "was exported"
            )
        found = {}
        with np.load(answered) as arrays:
            for key in arrays.files:
                request, _, output = key.rpartition("/")
                found.setdefault(request, {})[output] = arrays[key]
    return found


def check_graph(saved_model):
    """Refuse a SavedModel folder with parts of training or of a compiler."""
    proto = SavedModel()
    proto.ParseFromString(Path(saved_model, "saved_model.pb").read_bytes())
    for graph in (meta.graph_def for meta in proto.meta_graphs):
        inner = [node for f in graph.library.function for node in f.node_def]
        for function in graph.library.function:
            if function.attr["_XlaMustCompile"].b:
                _refuse(function.signature.name, "is compiled by XLA")
        for node in (*graph.node, *inner):
            compiled = [a for a in node.attr if a.lower().startswith("_xla")]
            if [a for a in compiled if _is_set(node.attr[a])]:
                _refuse(node.name, "has an attribute of XLA")
            if any(part in node.name.lower() for part in _TRAINING):
                _refuse(node.name, "is of training")
            if node.op.startswith(_RANDOM):
                _refuse(node.name, "draws random numbers")


def _is_set(value):
    return value.b or value.s


def _refuse(name, what):
    raise UserError(f"SavedModel: {name} {what}; nothing was exported")
