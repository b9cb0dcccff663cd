"""Images given in Python, as the files that the steps' processes read."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from tfnas.data.arrays import from_arrays
from tfnas.runs import contents


def write(out, train, test=None, classes=None, seed=0):
    """Write arrays as PNG files; returns their folder, DIR/images.

    Files that are there already stay: the same call goes on with them.

    Args:
        out: the folder of `--out`.
        train: as `data.arrays.from_arrays` takes it.
        test: the same, or None for a share of `train`.
        classes: names of the classes, or None.
        seed: decides which images are the test's.
    """
    dataset = from_arrays(train, test=test, classes=classes, seed=seed)
    folder = Path(out) / contents.GIVEN
    for name, split in (("train", dataset.train), ("test", dataset.test)):
        for number, label in enumerate(split.labels):
            place = folder / name / str(dataset.classes[label])
            path = place / f"{number:07d}.png"
            if path.is_file():
                continue
            place.mkdir(parents=True, exist_ok=True)
            pixels = np.asarray(split.images[number], np.uint8)
            image = Image.fromarray(
                pixels[..., 0] if pixels.shape[-1] == 1 else pixels
            )
            aside = path.with_suffix(".part")
            image.save(aside, "PNG")
            os.replace(aside, path)
    return str(folder)
