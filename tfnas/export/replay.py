"""Answers requests by a SavedModel, without tfnas and Keras.

Run by its path, `python -I replay.py SAVED_MODEL REQUESTS ANSWERS`, where
REQUESTS holds arrays SIGNATURE/NUMBER and ANSWERS will hold
SIGNATURE/NUMBER/OUTPUT. It imports only TensorFlow and NumPy.
"""

import sys


def main(saved_model, requests, answers):
    """Load, answer, write."""
    # From here on an import of these fails, even if they are installed.
    sys.modules["tfnas"] = sys.modules["keras"] = None
    import numpy as np
    import tensorflow as tf

    signatures = tf.saved_model.load(saved_model).signatures
    found = {}
    with np.load(requests, allow_pickle=False) as arrays:
        for key in arrays.files:
            function = signatures[key.partition("/")[0]]
            (argument,) = function.structured_input_signature[1]
            value = arrays[key]
            if value.dtype.kind == "S":
                value = value.tolist()
            for name, output in function(
                **{argument: tf.constant(value)}
            ).items():
                found[f"{key}/{name}"] = output.numpy()
    np.savez(answers, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
