"""One export: a network becomes a version for servers."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from tfnas.errors import UserError
from tfnas.export import (
    description,
    graph,
    onnx_file,
    parity,
    quantization,
    saved_model,
)
from tfnas.export.requirements import check_libraries
from tfnas.export.staging import LABELS, ONNX, check_target, publish, stage
from tfnas.networks.classifier import ImageClassifier, logits_of, reference
from tfnas.zoo.source import Source


def export_network(
    network: keras.Model,
    folder: str | os.PathLike,
    name: str = "network",
    classes: Sequence[str] | None = None,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
) -> dict[str, Any]:
    """Export a network for use without tfnas.

    `FOLDER/NAME/1` is a SavedModel, laid out for TensorFlow Serving, with the
    ONNX file, the classes and a description; a folder with versions gets the
    next one. `FOLDER/NAME.onnx`, `labels.txt` and `model.json` are the newest
    version's. SavedModel and ONNX take "image", float32 (N, H, W, C) in 0..255,
    and give "logits" and "probabilities", float32 (N, classes), and "class",
    int64 (N,). The SavedModel's second signature, "serving_bytes", takes image
    files. The graph is plain inference: no auxiliary classifier, no drop path,
    no custom operation. Keras, SavedModel and ONNX Runtime must agree on random
    images, or nothing is written.

    Args:
        network: a network of `build_network` or of `tfnas.load`.
        folder: the folder to write to; new, empty or with earlier exports of
            `name`.
        name: the network's name for servers.
        classes: class names; by default those of `tfnas.load`, or numbers.
        mean: mean of each channel, in 0..1 units, by which the network's images
            were normalised, or None if the network takes 0..255 images, as
            those of `tfnas.load` do.
        std: their deviation, given with `mean`.

    Returns:
        {"version": number, "saved_model": path, "onnx": path, "deviation":
        the largest}.

    Raises:
        UserError: if a library is missing, an argument does not fit, the
            folder is in use, or the forms disagree.

    Example:

    ```python
    genotype = tfnas.zoo.genotype("DARTS_V2")
    network = tfnas.build_network(
        genotype, input_shape=(8, 8, 1), channels=2, cells=3
    )
    tfnas.export_network(network, "exported", "digits", mean=(0.3,), std=(0.4,))
    ```
    """
    folder = Path(folder).absolute()
    check_libraries("export")
    check_target(folder, name)
    shape = tuple(network.input_shape[1:])
    count = _classes_of(network)
    on_pixels = isinstance(network, ImageClassifier)
    if on_pixels and classes is None:
        classes = network.classes or None
    _check(shape, count, classes, mean, std)
    if on_pixels and mean is not None:
        raise UserError("mean: the network normalises its images; leave it out")
    source = Source(
        network=network,
        image_shape=shape,
        count=count,
        classes=None if classes is None else tuple(classes),
        mean=mean,
        std=std,
    )
    return _write(source, folder, name)


def export_source(source, config):
    """Export as the command asks, and print the folder.

    Returns and raises as `export_network`; images for `--quantize` may be
    missing.
    """
    dataset = _images(source) if config.quantize else None
    done = _write(
        source,
        Path(config.out).absolute(),
        config.name,
        opset=config.opset,
        kinds=config.quantize,
        dataset=dataset,
    )
    print(f"{done['saved_model']}\n{done['onnx']}")
    print(f"Largest deviation from Keras: {done['deviation']:.1e}")
    for kind, accuracy in done["accuracies"].items():
        print(f"{kind}: {100 * accuracy:.2f} % of the test images")
    return done


def _write(source, folder, name, opset=17, kinds=(), dataset=None):
    model = graph.inference(source.network)
    endpoints = graph.endpoints(model, source.mean, source.std, source.crop)
    with stage(folder) as aside:
        whole = aside / "version"
        onnx = whole / ONNX
        saved_model.write(whole, model, endpoints, name)
        onnx_file.write(onnx, model, endpoints["serving_default"], opset)
        # === The gate ===
        parity.check_graph(whole)
        onnx_file.check(onnx, model, opset)
        network = reference(source.network, source.mean, source.std)
        deviation = parity.check(network, source.image_shape, whole, onnx)
        # === Additional files ===
        tests = {}
        if kinds:
            tests["float32"] = _test(onnx, dataset)
        for kind in kinds:
            path = onnx.with_stem(f"{onnx.stem}_{kind}")
            quantization.write(kind, onnx, path, dataset.train.images)
            tests[kind] = _test(path, dataset)
        labels = source.classes or range(source.count)
        text = "".join(f"{label}\n" for label in labels)
        (whole / LABELS).write_text(text, encoding="utf-8")
        exported = {"opset": opset, "deviation": deviation, "tests": tests}

        def finish(version):
            content = description.describe(name, version, source, exported)
            description.write(whole, content)

        version = publish(whole, folder, name, finish)
    return {
        "version": version,
        "saved_model": folder / name / str(version),
        "onnx": folder / f"{name}.onnx",
        "deviation": deviation,
        "accuracies": {k: t["correct"] / t["images"] for k, t in tests.items()},
    }


def _test(path, dataset):
    correct = quantization.correct_images(path, dataset.test)
    return {"images": len(dataset.test), "correct": correct}


def _images(source):
    """The data set's images, in memory; they must have the same classes."""
    from tfnas import data

    dataset = data.load(**source.images)
    if tuple(dataset.classes) != source.classes:
        raise UserError(
            f"--quantize: the network was trained on {source.count} classes, "
            f"{dataset.name} has {len(dataset.classes)} or others; give the "
            "images of its training"
        )
    return dataset


# === Bad input ===


def _classes_of(network):
    return logits_of(network.output).shape[-1]


def _check(shape, count, classes, mean, std):
    if classes is not None and len(classes) != count:
        raise UserError(
            f"classes: {len(classes)} names, but the network has {count}"
        )
    if (mean is None) != (std is None):
        raise UserError("mean, std: give both or neither")
    for argument, values in (("mean", mean), ("std", std)):
        if values is not None and len(values) != shape[-1]:
            raise UserError(
                f"{argument}: {len(values)} values, but an image has "
                f"{shape[-1]} channels"
            )
