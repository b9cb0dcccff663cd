"""What a search and a training do before they begin."""

import os

import keras

from tfnas import cluster, data
from tfnas.determinism import make_deterministic
from tfnas.devices import check_batch, make_strategy, parse
from tfnas.threads import divide_cores
from tfnas.workers import AllHere


def prepare(config, augmentation, batch_size):
    """Set the process up as a configuration says, and load its data.

    Args:
        config: a `TrainConfig` or a `SearchConfig`.
        augmentation: "cifar" or "imagenet".
        batch_size: images of a step, over all devices.

    Returns:
        (`Dataset`, `tf.distribute` strategy).

    Raises:
        UserError: if there are no such devices, or the batch does not divide
            among them, or the data cannot be used.

    Example: `prepare(SearchConfig(), "cifar", 64)`.
    """
    divide_cores()
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        make_deterministic()
    strategy = _strategy(config)
    check_batch(batch_size, strategy.num_replicas_in_sync)
    dataset = data.load(
        config.dataset, config.data_dir, config.image_size, augmentation
    )
    if config.train_images is not None:
        dataset = dataset.first(config.train_images)
    return dataset, strategy


def _strategy(config):
    workers = cluster.from_environment(os.environ)
    devices = parse(config.devices)
    if workers is None:
        return make_strategy(devices)
    with AllHere():
        return make_strategy(devices, workers)
