"""A caller's process, in which a run leaves nothing behind."""

import contextlib
import random
import threading

import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from tensorflow.python.eager import context
from tensorflow.python.util import _pywrap_determinism


@contextlib.contextmanager
def unchanged():
    """Start with the state of a new process, and restore the old one after.

    That is seeds, determinism, Grappler, and Keras's global state: its policy,
    its names, its seed. TensorFlow's threads stay: they are fixed once it
    computes.
    """
    python, arrays = random.getstate(), np.random.get_state()
    deterministic = _pywrap_determinism.is_enabled()
    rewrites = tf.config.optimizer.get_experimental_options()
    eager = context.context()
    seed = eager._seed
    drawn = None if seed is None else eager._rng.getstate()
    theirs = global_state.GLOBAL_STATE_TRACKER
    global_state.GLOBAL_STATE_TRACKER = threading.local()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)
        _pywrap_determinism.enable(deterministic)
        tf.config.optimizer.set_experimental_options(
            {"disable_meta_optimizer": False, **rewrites}
        )
        context.set_global_seed(seed)
        if drawn is not None:
            eager._rng.setstate(drawn)
        global_state.GLOBAL_STATE_TRACKER = theirs
