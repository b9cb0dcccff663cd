"""The two REST protocols, for the load test; NumPy and the standard library."""

import http.client
import json
import urllib.parse

import numpy as np


class Connection:
    """A connection, kept open for all requests of a client."""

    def __init__(self, url, name):
        place = urllib.parse.urlsplit(url)
        self.name = name
        self.http = http.client.HTTPConnection(
            place.hostname, place.port, timeout=60
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.http.close()

    def post(self, path, body, headers=()):
        """(status, headers, body) of an answer."""
        self.http.request("POST", path, body, dict(headers))
        answer = self.http.getresponse()
        return answer.status, answer.headers, answer.read()


class KServe(Connection):
    """`/v1/models/NAME:predict`, as in KServe and TensorFlow Serving."""

    def ask(self, images):
        """Logits (N, classes) of images (N, H, W, C)."""
        body = json.dumps({"instances": images.tolist()})
        path = f"/v1/models/{self.name}:predict"
        status, _, answer = self.post(path, body)
        if status != 200:
            raise RuntimeError(f"{status}: {answer[:200]}")
        rows = json.loads(answer)["predictions"]
        return np.array([row["logits"] for row in rows], "float32")


class Triton(Connection):
    """`/v2/models/NAME/infer`, tensors as bytes after a JSON header."""

    def ask(self, images):
        """Logits (N, classes) of images (N, H, W, C)."""
        raw = np.ascontiguousarray(images, "<f4").tobytes()
        status, headers, answer = self.infer(
            self.name, "image", "FP32", images.shape, raw
        )
        if status != 200:
            raise RuntimeError(f"{status}: {answer[:200]}")
        split = int(headers["Inference-Header-Content-Length"])
        (logits,) = json.loads(answer[:split])["outputs"]
        return np.frombuffer(answer[split:], "<f4").reshape(logits["shape"])

    def infer(self, model, name, datatype, shape, raw):
        """(status, headers, body) of a request of one input."""
        tensor = {
            "name": name,
            "shape": list(shape),
            "datatype": datatype,
            "parameters": {"binary_data_size": len(raw)},
        }
        wanted = {"name": "logits", "parameters": {"binary_data": True}}
        head = json.dumps({"inputs": [tensor], "outputs": [wanted]}).encode()
        length = {"Inference-Header-Content-Length": str(len(head))}
        return self.post(f"/v2/models/{model}/infer", head + raw, length)


PROTOCOLS = {"kserve": KServe, "triton": Triton}
