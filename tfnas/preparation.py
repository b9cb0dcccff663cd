"""What a search and a training do before they begin."""

import keras

from tfnas import data
from tfnas.determinism import make_deterministic
from tfnas.threads import divide_cores


def prepare(config, augmentation):
    """Set the process up as a configuration says, and load its data.

    Args:
        config: a `TrainConfig` or a `SearchConfig`.
        augmentation: "cifar" or "imagenet".

    Returns:
        The `Dataset`.

    Example: `prepare(SearchConfig(), "cifar")`.
    """
    divide_cores()
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        make_deterministic()
    dataset = data.load(
        config.dataset, config.data_dir, config.image_size, augmentation
    )
    if config.train_images is not None:
        dataset = dataset.first(config.train_images)
    return dataset
