"""The epochs of a training, by `fit` or by a loop.

`fit` can neither begin in the middle of an epoch nor run across hosts. The loop
calls the same step function, and the same callbacks in the same order.
"""

import sys

import keras
import tensorflow as tf

from tfnas.cli.interruption import Interrupted
from tfnas.devices.distributed_model import is_across_hosts
from tfnas.devices.workers import is_chief, shared_out
from tfnas.errors import UserError
from tfnas.runs.progress import Progress


def fit(
    model, stream, *, epochs, steps, epoch, step, validation=None, callbacks=()
):
    """Train from a step of an epoch to the end of the last one.

    Args:
        model: a `DistributedModel`, compiled.
        stream: function of a step, counted over all epochs, to the
            `tf.data.Dataset` of global batches that begins there.
        epochs: number of the last epoch, from 1.
        steps: steps of an epoch.
        epoch: finished epochs.
        step: finished steps of the next epoch, perhaps all of them.
        validation: a `tf.data.Dataset` to test on after each epoch, or None.
        callbacks: of Keras.

    Raises:
        UserError: if a batch does not fit into memory.
        Interrupted: if another worker was lost.
    """
    across = is_across_hosts(model.distribute_strategy)
    model.stop_training = False
    callbacks = list(callbacks)
    terminal = sys.stdout.isatty()
    if not terminal and is_chief(model.distribute_strategy):
        callbacks.append(Progress(epochs, steps, step))
    try:
        if step or across:
            last = epochs if across else epoch + 1
            arguments = (stream, validation, callbacks)
            _loop(model, *arguments, range(epoch, last), steps, step)
            epoch = last
        if epoch < epochs and not model.stop_training:
            model.fit(
                stream(epoch * steps),
                epochs=epochs,
                initial_epoch=epoch,
                steps_per_epoch=steps,
                validation_data=validation,
                callbacks=callbacks,
                shuffle=False,
                verbose="auto" if terminal else 2,
            )
    except tf.errors.ResourceExhaustedError as error:
        line = str(error.message).strip().splitlines()[0]
        raise UserError(
            f"--batch_size: a step does not fit into memory ({line}); start "
            "another run with a smaller one, or fewer --channels or --cells"
        ) from None
    except tf.errors.OpError as error:
        if not across:
            raise
        raise Interrupted(
            f"another worker was lost ({type(error).__name__}); start all "
            "workers again with --resume"
        ) from None


def _loop(model, stream, validation, callbacks, epochs, steps, step):
    strategy = model.distribute_strategy
    callbacks = keras.callbacks.CallbackList(callbacks, model=model)
    iterator = iter(shared_out(strategy, stream(epochs[0] * steps + step)))
    model.make_train_function()
    callbacks.on_train_begin()
    for epoch in epochs:
        model.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        for index in range(step, steps):
            callbacks.on_train_batch_begin(index)
            logs = model.train_function(iterator)
            callbacks.on_train_batch_end(index, logs)
        step = 0
        logs = results(model)
        if validation is not None:
            tested = _evaluate(model, validation, callbacks)
            logs |= {f"val_{name}": value for name, value in tested.items()}
        if is_chief(strategy):
            shown = ", ".join(f"{k} {v:.4f}" for k, v in logs.items())
            print(f"Epoch {epoch + 1}: {shown}", flush=True)
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    callbacks.on_train_end()


def _evaluate(model, validation, callbacks):
    model.make_test_function()
    model.reset_metrics()
    callbacks.on_test_begin()
    iterator = iter(shared_out(model.distribute_strategy, validation))
    batches, logs = int(validation.cardinality()), {}
    for index in range(batches):
        callbacks.on_test_batch_begin(index)
        logs = model.test_function(iterator)
        callbacks.on_test_batch_end(index, logs)
    whole = results(model)
    callbacks.on_test_end(whole)
    return {name: whole[name] for name in logs}


def results(model):
    """{name: value} of all metrics of a model so far."""
    return {k: float(v) for k, v in model.get_metrics_result().items()}
