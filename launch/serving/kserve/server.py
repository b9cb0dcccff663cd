"""KServe's Python server for an exported network, on ONNX Runtime.

    pip install kserve onnxruntime pillow
    python server.py --folder=served/NAME --http_port=8080

It answers POST /v1/models/NAME:predict in TensorFlow Serving's row format,
{"instances": [image, ...]} or, for image files, {"instances": [{"b64": ...}]},
and picks up new versions of the folder as they appear.
"""

import argparse
import asyncio
import base64
import binascii
import sys
from pathlib import Path

import kserve
from kserve.errors import InvalidInput

sys.path.insert(0, str(Path(__file__).parents[1]))
from predictor import Predictor


class ImageModel(kserve.Model):
    """The model of KServe's server."""

    def __init__(self, predictor):
        super().__init__(predictor.name)
        self.predictor, self.ready = predictor, True

    async def predict(self, payload, headers=None, response_headers=None):
        if not isinstance(payload, dict) or not isinstance(
            payload.get("instances"), list
        ):
            raise InvalidInput('give {"instances": [...]}')
        try:
            # The event loop goes on taking requests meanwhile.
            outputs = await asyncio.to_thread(self._run, payload["instances"])
        except (ValueError, OverflowError) as error:
            raise InvalidInput(str(error)) from None
        rows = zip(*(v.tolist() for v in outputs.values()), strict=True)
        return {
            "predictions": [dict(zip(outputs, r, strict=True)) for r in rows]
        }

    def _run(self, instances):
        if instances and isinstance(instances[0], dict):
            return self.predictor.predict_bytes([_file(i) for i in instances])
        return self.predictor.predict(instances)


def _file(instance):
    try:
        return base64.b64decode(instance["b64"], validate=True)
    except (KeyError, TypeError, binascii.Error):
        raise ValueError('give {"b64": the file in base64}') from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[kserve.model_server.parser])
    parser.add_argument("--folder", required=True)
    arguments = parser.parse_args()
    server = kserve.ModelServer(
        http_port=arguments.http_port, enable_grpc=False, workers=1
    )
    server.start([ImageModel(Predictor(arguments.folder))])
