"""The number of operations at a time, and of threads for each."""

import os

import tensorflow as tf

# A search cell has about so many independent operations at any time.
OPERATIONS = 4


def divide(cores):
    """Threads of one operation, and operations at a time, on so many cores.

    A cell's operations are many and short. Run in parallel on a thread each,
    they avoid the wait for each other's threads that ends every operation on
    several threads (docs/performance.md).
    """
    operations = min(cores, OPERATIONS)
    return cores // operations, operations


def divide_cores():
    """Let this process use its cores so.

    It respects a GPU's defaults, TensorFlow's own environment variables, and a
    process in which TensorFlow already computes. Only commands call it.
    """
    chosen = {"TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"}
    if chosen & set(os.environ) or tf.config.list_physical_devices("GPU"):
        return
    threads, operations = divide(len(os.sched_getaffinity(0)))
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(operations)
    except RuntimeError:  # already computing
        return
