"""Answers images with the newest version of an exported network.

For the servers in this folder; needs NumPy, ONNX Runtime and Pillow, not tfnas.
A bad request raises ValueError, which the servers turn into a client error.
"""

import io
import json
import threading
import time
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

MAX_BATCH = 256
MAX_BYTES = MAX_PIXELS = 2**25
_FORMATS = ("JPEG", "PNG", "GIF", "BMP")
_POLL_SECONDS = 0.5


class Version:
    """One version's folder: its session and its description."""

    def __init__(self, folder, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.number = int(folder.name)
        self.about = json.loads((folder / "model.json").read_text())
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"),
            options,
            providers=["CPUExecutionProvider"],
        )
        self.outputs = [o.name for o in self.session.get_outputs()]
        self.shape = tuple(self.about["input"]["shape"][1:])


class Predictor:
    """The newest version in a folder, replaced while it serves.

    Args:
        folder: folder of versions, NAME of `python -m tfnas.export`.
        threads: threads of one request.
    """

    def __init__(self, folder, threads=1):
        self.folder, self.threads = Path(folder), threads
        self.name = self.folder.resolve().name
        self.version = Version(self._newest(), threads)
        threading.Thread(target=self._watch, daemon=True).start()

    def predict(self, images):
        """{output: array} for images in 0..255, (N, H, W, C)."""
        version = self.version  # A newer one may come meanwhile.
        images = self._checked(images, version.shape)
        values = version.session.run(version.outputs, {"image": images})
        return dict(zip(version.outputs, values, strict=True))

    def predict_bytes(self, files):
        """The same for image files."""
        if not 0 < len(files) <= MAX_BATCH:
            raise ValueError(f"image: send 1 to {MAX_BATCH}")
        return self.predict(np.stack([self.decode(file) for file in files]))

    def decode(self, content):
        """The bytes of an image file as float32 (H, W, C)."""
        if len(content) > MAX_BYTES:
            raise ValueError(f"image: more than {MAX_BYTES} bytes")
        height, width, channels = self.version.shape
        share = self.version.about["preprocessing"]["bytes"]["crop_share"]
        try:
            with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
                # The header is read before the image is decoded.
                if image.width * image.height > MAX_PIXELS:
                    raise ValueError(f"image: more than {MAX_PIXELS} pixels")
                image.load()
                image = _upright(image)
                image = image.convert("L" if channels == 1 else "RGB")
        except ValueError:
            raise
        except Exception:
            raise ValueError("image: not a readable file") from None
        unit = min(image.height / height, image.width / width) * share
        rows, columns = (
            max(round(unit * height), 1),
            max(round(unit * width), 1),
        )
        top, left = (image.height - rows) // 2, (image.width - columns) // 2
        image = image.crop((left, top, left + columns, top + rows))
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(image, "float32").reshape(height, width, channels)

    def _checked(self, images, shape):
        try:
            images = np.asarray(images)
        except ValueError:
            raise ValueError("image: rows of unequal length") from None
        if images.dtype.kind not in "fiu":
            raise ValueError("image: give numbers")
        if images.shape[1:] != shape or not 0 < len(images) <= MAX_BATCH:
            raise ValueError(
                f"image: has shape {list(images.shape)}, give 1 to {MAX_BATCH} "
                f"of {list(shape)}"
            )
        if not np.isfinite(images).all():
            raise ValueError("image: NaN or infinite")
        return images.astype("float32", copy=False)

    def _newest(self):
        numbers = [
            int(p.name) for p in self.folder.iterdir() if p.name.isdecimal()
        ]
        if not numbers:
            raise FileNotFoundError(f"{self.folder}: holds no version")
        return self.folder / str(max(numbers))

    def _watch(self):
        while True:
            time.sleep(_POLL_SECONDS)
            try:
                newest = self._newest()
                if int(newest.name) != self.version.number:
                    self.version = Version(newest, self.threads)
            except Exception as error:  # The old version goes on serving.
                print(f"{self.folder}: {error}", flush=True)


def _upright(image):
    """The image turned as its EXIF says, unchanged if that is damaged."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image
