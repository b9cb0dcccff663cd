"""Triton (PyTriton) for an exported network, on ONNX Runtime.

    pip install nvidia-pytriton onnxruntime pillow
    python server.py --folder=served/NAME --http_port=8000

If Triton does not find the running Python's library, set LD_LIBRARY_PATH to the
folder that `python -c "import sysconfig as s;
print(s.get_config_var('LIBDIR'))"` prints. NAME takes "image" and batches
requests; NAME_bytes takes "image_bytes", a list of image files. A bad image
must not fail the others, and Triton would report an error of this file as its
own (500), so an image with NaN or a file that is not an image gets the class
-1. The server picks up new versions of the folder as they appear.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

sys.path.insert(0, str(Path(__file__).parents[1]))
from predictor import MAX_BATCH, Predictor


def bind(triton, predictor, max_batch, delay):
    """Give Triton the two models."""
    about = predictor.version.about
    classes = about["outputs"]["logits"][1][1]

    @batch
    def images(image):
        finite = np.isfinite(image).all((1, 2, 3))
        found = predictor.predict(
            np.where(finite[:, None, None, None], image, 0)
        )
        found["class"][~finite] = -1
        return {**found, "class": found["class"][:, None]}

    def files(requests):
        return [
            _each(predictor, request["image_bytes"]) for request in requests
        ]

    def outputs(*batch):
        return [
            Tensor(name="logits", dtype=np.float32, shape=(*batch, classes)),
            Tensor(
                name="probabilities", dtype=np.float32, shape=(*batch, classes)
            ),
            Tensor(name="class", dtype=np.int64, shape=(*batch, 1)),
        ]

    shape = predictor.version.shape
    triton.bind(
        model_name=predictor.name,
        infer_func=images,
        inputs=[Tensor(name="image", dtype=np.float32, shape=shape)],
        outputs=outputs(),
        config=ModelConfig(
            max_batch_size=max_batch,
            batcher=DynamicBatcher(max_queue_delay_microseconds=delay),
        ),
    )
    triton.bind(
        model_name=f"{predictor.name}_bytes",
        infer_func=files,
        inputs=[Tensor(name="image_bytes", dtype=np.bytes_, shape=(-1,))],
        outputs=outputs(-1),
        config=ModelConfig(batching=False),
    )


def _each(predictor, files):
    """Outputs for each file of a request; class -1 if it is not an image."""
    images, places = [], []
    for place, file in enumerate(files[:MAX_BATCH]):
        try:
            images.append(predictor.decode(file))
            places.append(place)
        except ValueError:
            continue
    classes = predictor.version.about["outputs"]["logits"][1][1]
    outputs = {
        "logits": np.zeros((len(files), classes), "float32"),
        "probabilities": np.zeros((len(files), classes), "float32"),
        "class": np.full((len(files), 1), -1, "int64"),
    }
    if images:
        found = predictor.predict(np.stack(images))
        for name, values in outputs.items():
            values[places] = found[name].reshape(len(images), -1)
    return outputs


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--http_port", type=int, default=8000)
    parser.add_argument("--grpc_port", type=int, default=8001)
    parser.add_argument("--metrics_port", type=int, default=8002)
    parser.add_argument("--max_batch", type=int, default=64)
    parser.add_argument("--delay", type=int, default=0, help="microseconds")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    config = TritonConfig(
        http_port=chosen.http_port,
        grpc_port=chosen.grpc_port,
        metrics_port=chosen.metrics_port,
    )
    with Triton(config=config) as server:
        bind(
            server,
            Predictor(chosen.folder, chosen.threads),
            chosen.max_batch,
            chosen.delay,
        )
        server.serve()
