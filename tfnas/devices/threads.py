"""How many operations run at a time, and on how many threads each."""

import os

import tensorflow as tf

# A search cell offers about as many independent operations at any time.
OPERATIONS = 4


def divide(cores):
    """Threads of one operation, and operations at a time, on so many cores.

    The operations of a cell are many and short: run beside each other on a
    thread each, they spare the threads the waiting for one another that every
    operation on several threads ends with (docs/performance.md).
    """
    operations = min(cores, OPERATIONS)
    return cores // operations, operations


def divide_cores():
    """Let this process use its cores so.

    It leaves alone what holds already: a GPU's defaults, TensorFlow's own
    environment variables, and a process in which TensorFlow has begun to
    compute. Commands alone call it.
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
