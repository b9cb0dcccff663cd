"""Same seed, same numbers, in every process."""

import tensorflow as tf


def make_deterministic(operations=True):
    """Switches off what TensorFlow does differently from run to run.

    It holds for the whole process and cannot be undone, so only commands call
    it. Without `operations` it leaves the operations as they are, to measure
    what their determinism costs.
    """
    if operations:
        tf.config.experimental.enable_op_determinism()
    # Grappler's rewrites differ between processes on large graphs.
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": True}
    )
