"""A process that picks ten test images and answers them by Keras.

Its arguments are the training's folder and the folder to write to.
"""

import json
import sys
from pathlib import Path

import numpy as np

from tfnas.cli import command
from tfnas.runs.reading import read_run

COUNT = 10


def main(argv):
    """Write images in 0..255, their labels and the network's logits."""
    with command.quiet_start():
        from tfnas.data.streams import evaluation_batches
        from tfnas.zoo.loading import network_of
    run, folder = read_run(argv[1], "train"), Path(argv[2])
    dataset = run.dataset()
    count = len(dataset.test)
    places = np.unique(np.linspace(0, count - 1, min(COUNT, count), dtype=int))
    some = dataset.test.take(places)
    batches = evaluation_batches(some, dataset, COUNT)
    (normalised, labels), *_ = batches
    images = 255 * (normalised.numpy() * dataset.std + dataset.mean)
    images = np.clip(np.round(images), 0, 255).astype(np.float32)
    logits = np.asarray(network_of(run)(images, training=False))
    np.save(folder / "images.npy", images)
    found = {"labels": labels.numpy().tolist(), "logits": logits.tolist()}
    (folder / "keras.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv)
