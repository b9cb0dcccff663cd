"""model.json: facts for those who serve or call the network."""

import hashlib
import json

from tfnas.export.staging import DESCRIPTION

FORMAT = "tfnas-model/1"


def describe(name, version, source, exported):
    """The content of model.json except the files' digests.

    Args:
        name: the network's name for servers.
        version: its number.
        source: the `Source`.
        exported: {key: value}, the results of the export.

    Returns:
        A dict, JSON-ready.
    """
    height, width, channels = source.image_shape
    origin = source.origin or {}
    mean, std = (
        list(value or origin.get(key) or ())
        for key, value in (("mean", source.mean), ("std", source.std))
    )
    return {
        "format": FORMAT,
        "name": name,
        "version": version,
        "input": {
            "name": "image",
            "dtype": "float32",
            "shape": [None, height, width, channels],
            "range": [0, 255],
            "colors": "gray" if channels == 1 else "RGB",
        },
        "outputs": {
            "logits": ["float32", [None, source.count]],
            "probabilities": ["float32", [None, source.count]],
            "class": ["int64", [None]],
        },
        "signatures": {
            "serving_default": "image: pixels as above",
            "serving_bytes": "image_bytes: files of JPEG, PNG, GIF (its first "
            "picture) or BMP, of at most 33554432 bytes and pixels",
        },
        # A client has nothing left to do.
        "preprocessing": {
            "where": "inside the graph",
            "mean": mean,
            "std": std,
            "bytes": {
                "formats": ["JPEG", "PNG", "GIF", "BMP"],
                "refused": "WebP, TIFF, HEIC, AVIF, packed BMP; send them as "
                "JPEG or PNG",
                "orientation": "EXIF's, of JPEG and PNG",
                "crop": "centred, of the input's proportions",
                "crop_share": source.crop,
                "resize": f"to {height}x{width}, bilinear, antialiased",
            },
        },
        "classes": None if source.classes is None else list(source.classes),
        **exported,
        "source": source.origin,
    }


def write(folder, content):
    """Write model.json to a version, with the digests of its other files."""
    files = {
        path.relative_to(folder).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != DESCRIPTION
    }
    text = json.dumps({**content, "files": files}, indent=2) + "\n"
    (folder / DESCRIPTION).write_text(text, encoding="utf-8")
