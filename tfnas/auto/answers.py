"""Ten images answered by an ONNX file, without tfnas and TensorFlow.

A program: python answers.py NETWORK.onnx IMAGES.npy ANSWERS.json
reads images (N, H, W, C) in 0..255 and writes a list of logits for each.
"""

import json
import sys

import numpy as np
import onnxruntime


def answers(network, images):
    """Logits (N, classes) of images, by ONNX Runtime on the CPU."""
    session = onnxruntime.InferenceSession(
        network, providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run(["logits"], {"image": images.astype(np.float32)})
    return logits


def main(network, images, target):
    """Write the answers and print each image's class."""
    found = answers(network, np.load(images, allow_pickle=False))
    for number, logits in enumerate(found, 1):
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        best = int(shares.argmax())
        print(f"image {number}: class {best}, {100 * shares[best]:.1f} %")
    foreign = sorted({"tensorflow", "keras", "tfnas"} & set(sys.modules))
    with open(target, "w", encoding="utf-8") as file:
        json.dump({"logits": found.tolist(), "foreign": foreign}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
