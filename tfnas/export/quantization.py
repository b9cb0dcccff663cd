"""ONNX files of float16 and int8, measured on the test images."""

import logging

import numpy as np

from tfnas.export.onnx_file import check_standard, runner

# Training images for the ranges of int8.
CALIBRATION_IMAGES = 256
_BATCH = 64


def write(kind, source, target, images):
    """Write an ONNX file of another type; input and outputs stay float32.

    Args:
        kind: "float16" or "int8", with ranges per channel for weights and per
            tensor for activations.
        source: the file of float32.
        target: the file to write.
        images: training images in 0..255, (N, H, W, C), for "int8".

    Raises:
        UserError: if ONNX's checker refuses the file.
    """
    {"float16": _float16, "int8": _int8}[kind](source, target, images)
    check_standard(target)


def correct_images(path, split):
    """How many images of a split an ONNX file classifies correctly."""
    run, correct = runner(path), 0
    for start in range(0, len(split), _BATCH):
        part = slice(start, start + _BATCH)
        images = np.asarray(split.images[part], "float32")
        correct += int((run(images)["class"] == split.labels[part]).sum())
    return correct


def _float16(source, target, images):
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(onnx.load(source), keep_io_types=True)
    inputs = {value.name for value in model.graph.input}
    # It appends the casts of inputs, which ONNX needs before their use.
    ordered = sorted(model.graph.node, key=lambda n: not inputs >= {*n.input})
    del model.graph.node[:]
    model.graph.node.extend(ordered)
    onnx.save(model, target)


def _int8(source, target, images):
    from onnxruntime.quantization import QuantFormat, quantize_static

    # It warns about a preprocessing that tf2onnx has already done.
    logging.getLogger().addFilter(_no_advice)
    try:
        quantize_static(
            str(source),
            str(target),
            _Calibration(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
        )
    finally:
        logging.getLogger().removeFilter(_no_advice)


def _no_advice(record):
    return "pre-processing before quantization" not in record.getMessage()


class _Calibration:
    """Batches of images, as onnxruntime's CalibrationDataReader gives them."""

    def __init__(self, images):
        # Spread over the set, as its order may be by class.
        step = max(1, len(images) // CALIBRATION_IMAGES)
        self.images = images[::step][:CALIBRATION_IMAGES]
        self.place = 0

    def get_next(self):
        part = self.images[self.place : self.place + _BATCH]
        self.place += _BATCH
        return {"image": np.asarray(part, "float32")} if len(part) else None

    def __len__(self):
        return -(-len(self.images) // _BATCH)
