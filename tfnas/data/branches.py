"""Branches of a graph that cost nothing unless they are taken."""

import tensorflow as tf


def choose(index, branches, *inputs):
    """`tf.switch_case` of functions of the inputs; the last one is the default.

    TensorFlow writes `tf.cond`, `tf.case` and `tf.switch_case` out as the
    operations of all branches and visits each of them at run time, in the
    branches not taken too. Here every branch stays a function. The first one
    says what types and shapes they all return.
    """
    signature = [tf.TensorSpec(x.shape, x.dtype) for x in inputs]
    functions = [
        tf.function(
            branch, input_signature=signature, autograph=False
        ).get_concrete_function()
        for branch in branches
    ]
    outputs = functions[0].outputs
    # A GPU would take the operation, but no strings.
    with tf.device("CPU:0"):
        found = tf.raw_ops.Case(
            branch_index=index,
            input=inputs,
            Tout=[output.dtype for output in outputs],
            branches=functions,
            output_shapes=[output.shape for output in outputs],
        )
    return found if found[1:] else found[0]
