"""Batches for search, training and evaluation.

The order of samples and their augmentation are functions of (seed, epoch,
sample index), so a stream that starts at step k equals one that starts at 0
and skips k steps, and every replica or worker sees the same batches.
"""

import numpy as np
import tensorflow as tf

from tfnas.data import augmentation, draws
from tfnas.data.encoded import EncodedSplit
from tfnas.data.mixing import mixed
from tfnas.data.pixels import evaluation_pixels, training_pixels
from tfnas.data.stored import StoredSplit
from tfnas.errors import UserError


def steps_per_epoch(count, batch_size):
    """Batches in an epoch; the last one may be smaller (391 for CIFAR)."""
    if batch_size < 1:
        raise UserError(f"--batch_size={batch_size}: use at least 1")
    return -(-count // batch_size)


def search_stream(
    dataset,
    halves,
    *,
    batch_size,
    epochs,
    seed,
    start_step=0,
    augment=True,
    cutout=0,
):
    """Pairs of a training and a validation batch for a bilevel search.

    A finite `tf.data.Dataset` of ((images, labels), (images, labels)): float32
    (N, H, W, C) normalised and int64 (N,). The halves come from
    `search_halves`, the batch size is over all replicas, `start_step` counts
    over all epochs, `cutout` is the square's side in pixels, 0 for none.

    Both halves get the training augmentation, as the authors do (images in
    files without the jitter of colours, as PC-DARTS's search on ImageNet). A
    step's validation batch is as large as its training batch and comes from the
    validation half's own shuffled order of that epoch. A batch size above the
    half gives one smaller batch an epoch.
    """
    return _stream(
        dataset,
        halves,
        batch_size=batch_size,
        epochs=epochs,
        seed=seed,
        start_step=start_step,
        augment=augment,
        cutout=cutout,
    )


def train_stream(
    dataset,
    indices,
    *,
    batch_size,
    epochs,
    seed,
    start_step=0,
    cutout=None,
    flips="random",
    crop_padding=None,
    mixup=0.0,
):
    """Augmented batches of the samples `indices` to train one network on.

    A finite `tf.data.Dataset` of (images, labels): float32 (N, H, W, C)
    normalised and int64 (N,). The batch size is over all replicas, `start_step`
    counts over all epochs. `cutout` is the square's side in pixels; None for
    half the shorter side, which is the authors' 16 at 32 pixels; 0 for none.
    `flips` are "random" or "alternate", `crop_padding` is the largest shift in
    pixels, None for an eighth of the side. With `mixup`, alpha of its Beta
    distribution, labels are float32 (N, classes). Images in files get
    ImageNet's augmentation, without cutout.
    """
    if len(indices) == 0:
        raise UserError(f"{dataset.name}: no images to train on")
    if isinstance(dataset.train, EncodedSplit):
        cutout = 0
    elif cutout is None:
        cutout = min(dataset.image_shape[:2]) // 2
    return _stream(
        dataset,
        (np.asarray(indices),),
        batch_size=batch_size,
        epochs=epochs,
        seed=seed,
        start_step=start_step,
        augment=True,
        cutout=cutout,
        jitter=True,
        mixup=mixup,
        flips=flips,
        crop_padding=crop_padding,
    )


def evaluation_batches(split, dataset, batch_size):
    """Batches in order, normalised by the dataset and not augmented.

    A finite `tf.data.Dataset` of (images, labels): float32 (N, H, W, C) and
    int64 (N,); the last batch may be smaller.
    """
    steps = steps_per_epoch(len(split), batch_size)
    if isinstance(split, (EncodedSplit, StoredSplit)):
        pixels = evaluation_pixels(dataset, split)

        def read_all():
            for start in range(0, len(split), batch_size):
                places = np.arange(start, min(start + batch_size, len(split)))
                yield pixels.read(places, 0)

        return _finished(read_all, pixels.signature, pixels.finish, steps)

    def finish(images, labels):
        images = augmentation.normalize(images, dataset.mean, dataset.std)
        return images, tf.cast(labels, tf.int64)

    batches = tf.data.Dataset.from_tensor_slices((split.images, split.labels))
    batches = batches.batch(batch_size)
    return _ahead(batches.map(finish, tf.data.AUTOTUNE))


def _stream(
    dataset,
    parts,
    *,
    batch_size,
    epochs,
    seed,
    start_step,
    augment,
    cutout,
    jitter=False,
    mixup=0.0,
    **drawn,
):
    """Batches of each part, side by side; the first part sets the steps."""
    steps = steps_per_epoch(len(parts[0]), batch_size)
    _check_within("cutout", cutout, dataset.image_shape)
    crop_padding = drawn.get("crop_padding") or 0
    _check_within("crop_padding", crop_padding, dataset.image_shape)
    pixels = training_pixels(
        dataset,
        seed=seed,
        augment=augment,
        cutout=cutout,
        jitter=jitter,
        **drawn,
    )
    if mixup:
        pixels = mixed(pixels, len(dataset.classes), mixup, seed)

    def read_all():
        for epoch, batch in _batches(
            parts, batch_size, epochs, seed, start_step
        ):
            yield tuple(pixels.read(places, epoch) for places in batch)

    def finish_all(*batch):
        batch = tuple(pixels.finish(*part) for part in batch)
        return batch if len(batch) > 1 else batch[0]

    signature = (pixels.signature,) * len(parts)
    remaining = max(0, epochs * steps - start_step)
    return _finished(read_all, signature, finish_all, remaining)


def _finished(read_all, signature, finish, steps):
    """The batches of a generator, finished in parallel with the training."""
    stream = tf.data.Dataset.from_generator(
        read_all, output_signature=signature
    )
    stream = stream.map(
        finish, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    stream = stream.apply(tf.data.experimental.assert_cardinality(steps))
    return _ahead(stream)


def _ahead(stream):
    """Prefetched, with a fixed number of threads.

    tf.data's tuner of threads can miss, most of all on one core, that its
    iterator has ended; then the end of an epoch waits for it, up to a minute.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return stream.prefetch(2).with_options(options)


def _batches(parts, batch_size, epochs, seed, start_step):
    """Yields (epoch, [the sample indices of a batch, for each part])."""
    count = len(parts[0])
    steps = steps_per_epoch(count, batch_size)
    orders = None
    for step in range(start_step, epochs * steps):
        epoch, position = divmod(step, steps)
        if orders is None or position == 0:
            orders = [draws.shuffled(seed, epoch, part) for part in parts]
        start = position * batch_size
        places = np.arange(start, min(start + batch_size, count))
        yield epoch, [order.take(places, mode="wrap") for order in orders]


def _check_within(flag, pixels, image_shape):
    side = min(image_shape[:2])
    if not 0 <= pixels < side:
        raise UserError(
            f"--{flag}={pixels}: images are {image_shape[0]}x"
            f"{image_shape[1]} pixels; use 0 (none) to {side - 1}"
        )
