"""A dataset: images, labels, class names and their statistics."""

import dataclasses

import numpy as np

from tfnas.data.listing import Listing
from tfnas.errors import UserError

# Two stride-2 reductions turn 4 pixels into 1.
SMALLEST_SIDE = 4

_STATISTICS_BLOCK = 1024


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images, uint8 (N, H, W, C), C 1 or 3; class numbers, int64 (N,)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.labels)

    @property
    def image_shape(self):
        """(height, width, channels)."""
        return self.images.shape[1:]

    def take(self, places):
        """The split of only these images; a slice copies nothing."""
        return Split(self.images[places], self.labels[places])


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """An image classification dataset, in memory or in files.

    Search and selection read only `train`; `test` is for the final accuracy.

    Args:
        name: the source's name, such as "cifar10".
        train: the training images, which a search splits in halves; a `Split`
            in memory, or an `EncodedSplit` of files.
        test: the test images, of the same kind.
        classes: class names; a label is a position in it.
        mean: mean of each channel of images scaled to 0..1.
        std: standard deviation of each channel, in the same unit.
        flip: whether a mirrored image still shows its class. False for
            digits, for example.
        listing: the files that a run must list, as no folder says which are
            tested.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flip: bool = True
    listing: Listing | None = None

    def __post_init__(self):
        height, width, _ = self.image_shape
        if min(height, width) < SMALLEST_SIDE:
            raise UserError(
                f"{self.name}: images of {height}x{width} pixels leave no "
                f"room for two reductions; set --image_size to at least "
                f"{SMALLEST_SIDE}"
            )
        if self.test.image_shape != self.image_shape:
            raise UserError(
                f"{self.name}: test images have shape "
                f"{self.test.image_shape}, training images "
                f"{self.image_shape}; make them equal or set --image_size"
            )
        if len(self.classes) < 2:
            raise UserError(
                f"{self.name}: only one class ({', '.join(self.classes)}); "
                "classification needs at least two"
            )

    @property
    def image_shape(self):
        """(height, width, channels)."""
        return self.train.image_shape


def channel_statistics(images):
    """Mean and standard deviation of each channel of uint8 (N, H, W, C).

    Two tuples of C floats, in 0..1 units; histograms make them exact in little
    memory. A constant channel gets a deviation of 1.
    """
    channels = images.shape[-1]
    histogram = np.zeros((channels, 256))
    for start in range(0, len(images), _STATISTICS_BLOCK):
        block = images[start : start + _STATISTICS_BLOCK]
        for channel in range(channels):
            values = block[..., channel].ravel()
            histogram[channel] += np.bincount(values, minlength=256)
    levels = np.arange(256) / 255
    share = histogram / histogram.sum(axis=1, keepdims=True)
    mean = share @ levels
    variance = (share * (levels - mean[:, None]) ** 2).sum(axis=1)
    std = np.where(variance > 0, np.sqrt(variance), 1.0)
    return tuple(mean.tolist()), tuple(std.tolist())
