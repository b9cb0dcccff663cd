"""Where images come from: scikit-learn, idx files, TFDS, a folder."""

import gzip
import os
import pathlib
import zlib

import numpy as np

from tfnas.data import duplicates, imagenet
from tfnas.data.catalog import load_from_catalog
from tfnas.data.dataset import (
    Dataset,
    Split,
    channel_statistics,
)
from tfnas.data.decoding import fit_square
from tfnas.data.encoded import load_files, load_records
from tfnas.data.files import not_read, some
from tfnas.data.folder import load_folder
from tfnas.data.listing import find
from tfnas.data.request import check_request
from tfnas.data.stored import load_stored, too_large
from tfnas.errors import UserError

_DIGITS_TEST = 360

_FASHION_FOLDER = "/usr/share/datasets/fashion-mnist"  # Debian's package
_FASHION_CLASSES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)

# The authors' constants (cnn/utils.py of DARTS, P-DARTS, Att-DARTS).
_STATISTICS = {
    "cifar10": (
        (0.49139968, 0.48215827, 0.44653124),
        (0.24703233, 0.24348505, 0.26158768),
    ),
    "cifar100": ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
}

# A mirrored character is another character or not one at all.
_NOT_MIRRORED = {
    "digits",
    "emnist",
    "kmnist",
    "mnist",
    "mnist_corrupted",
    "omniglot",
    "svhn_cropped",
}


def load(
    name: str,
    data_dir: str | os.PathLike | None = None,
    image_size: int | None = None,
    augmentation: str = "cifar",
    data_csv: str | os.PathLike | None = None,
    test_share: float | None = None,
    seed: int = 0,
    skip_damaged: bool = False,
) -> Dataset:
    """Loads a dataset into memory, or finds its files.

    * `digits`: scikit-learn's 1,797 images of 8x8 pixels, always there; the
      last 360 are for testing. It proves that a tool runs, not that a
      method works.
    * `fashion_mnist`: the four idx files in `data_dir` or where Debian's
      package dataset-fashion-mnist puts them, otherwise TFDS.
    * `image_folder`: images in `data_dir`/train/CLASS and
      `data_dir`/test/CLASS, or in `data_dir`/CLASS, or as `data_csv` lists
      them, in a fixed shuffled order (see `load_folder`). Names of splits may
      be of any case, and `val`, `valid` and `validation` stand for `test`.
      Printed lines count the files that are not read there, and the test
      images that equal a training image. Images that do not fit into memory
      stay in their files.
    * `cifar10`, `cifar100` or another image classification dataset of TFDS:
      prepared data in `data_dir` (TFDS's own folder by default) if there
      is any, otherwise a download. Without a `test` split `validation`
      stands for it.

    CIFAR's mean and deviation are the authors' constants; those of other
    datasets are computed from the training images.

    Args:
        name: one of the names above.
        data_dir: folder to look in.
        image_size: resize to squares of this many pixels, after cropping
            the largest centred square. None keeps the images as they are.
        augmentation: "imagenet" leaves the images in their files, to be decoded
            batch by batch and brought to `image_size` (224 by default) by
            ImageNet's crops; mean and deviation are ImageNet's. Only for
            folders and TFDS.
        data_csv: CSV file of path, label and, optionally, split, "train" or
            "test". Paths are relative to `data_dir`, or else to the file.
        test_share: the share of each class to test on if neither folders nor
            list say it, 0.2 by default.
        seed: decides which images these are.
        skip_damaged: leave damaged files out instead of refusing them.

    Returns:
        A `Dataset`.

    Raises:
        UserError: the name is unknown, or the data are unusable or missing.

    Example:

    ```python
    digits = tfnas.data.load("digits")
    digits.train.images.shape, digits.classes  # (1437, 8, 8, 1), ("0", ...)
    ```
    """
    check_request(
        *(name, data_dir, image_size, augmentation),
        *(data_csv, test_share, seed, skip_damaged),
    )
    in_files = augmentation == "imagenet"
    side = (image_size or imagenet.SIDE) if in_files else image_size
    listing = None
    if name == "image_folder":
        listing = find(data_dir, data_csv, test_share, seed)
        listing, train, test = _files(listing, side, in_files, skip_damaged)
        classes = listing.classes
    elif in_files:
        train, test, classes = load_records(name, data_dir, side)
    else:
        train, test, classes = _read(name, data_dir, side)
    if in_files:
        mean, std = imagenet.MEAN, imagenet.STD
    else:
        mean, std = _STATISTICS.get(name) or channel_statistics(train.images)
    return Dataset(
        name=name,
        train=train,
        test=test,
        classes=classes,
        mean=mean,
        std=std,
        flip=name.split("/")[0] not in _NOT_MIRRORED,
        listing=listing if listing and listing.is_kept else None,
    )


def _files(listing, side, in_files, skip_damaged):
    """The train and the test split of a `Listing`, and what to print.

    Also returns the listing without the files left out.
    """
    unread = not_read(listing.root, listing.homes, listing.spare)
    large = None if in_files else too_large(listing, side)
    for line in filter(None, (unread, large)):
        print(line, flush=True)
    in_memory = load_stored if large else load_folder
    read = load_files if in_files else in_memory
    whole, train, test, digests = read(listing, side, skip_damaged)
    left_out = [path for path, _ in whole.damaged]
    if left_out:
        count = len(left_out)
        images = "image" if count == 1 else "images"
        print(f"Left out {count} damaged {images}: {some(left_out)}")
    equal = duplicates.line(listing.root, *digests)
    if equal:
        print(equal, flush=True)
    return whole, train, test


def _read(name, data_dir, image_size):
    if name == "digits":
        return _resize(_read_digits(), image_size)
    if name == "fashion_mnist":
        folder = pathlib.Path(data_dir or _FASHION_FOLDER)
        if (folder / "train-images-idx3-ubyte.gz").is_file():
            return _resize(_read_fashion(folder), image_size)
    return load_from_catalog(name, data_dir, image_size)


def _resize(content, image_size):
    train, test, classes = content
    if image_size is None:
        return content
    train, test = (
        Split(fit_square(split.images, image_size).numpy(), split.labels)
        for split in (train, test)
    )
    return train, test, classes


# === scikit-learn ===


def _read_digits():
    from sklearn.datasets import load_digits

    digits = load_digits()
    # scikit-learn's values are 0..16.
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = digits.target.astype(np.int64)
    train = Split(images[:-_DIGITS_TEST], labels[:-_DIGITS_TEST])
    test = Split(images[-_DIGITS_TEST:], labels[-_DIGITS_TEST:])
    return train, test, tuple(str(name) for name in digits.target_names)


# === idx files ===


def _read_fashion(folder):
    splits = []
    for prefix in ("train", "t10k"):
        images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz", 3)
        path = folder / f"{prefix}-labels-idx1-ubyte.gz"
        labels = read_idx(path, 1).astype(np.int64)
        if len(labels) != len(images):
            raise UserError(
                f"{path}: {len(labels)} labels for {len(images)} images; "
                "fetch the files again"
            )
        if len(labels) == 0 or labels.max() >= len(_FASHION_CLASSES):
            raise UserError(f"{path}: not the labels of Fashion-MNIST")
        splits.append(Split(images[..., None], labels))
    return *splits, _FASHION_CLASSES


def read_idx(path, dimensions):
    """Reads a gzipped idx file of unsigned bytes (LeCun's MNIST format).

    A missing or damaged file, or one of other dimensions, raises `UserError`.
    """
    try:
        content = gzip.decompress(pathlib.Path(path).read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    start = 4 + 4 * dimensions
    # Two zero bytes, 8 for unsigned bytes, the number of dimensions.
    if content[:4] != bytes((0, 0, 8, dimensions)) or len(content) < start:
        raise UserError(
            f"{path}: not an idx file of bytes in {dimensions} dimension(s)"
        )
    shape = np.frombuffer(content, ">u4", dimensions, offset=4).tolist()
    values = np.frombuffer(content, np.uint8, offset=start)
    if len(values) != np.prod(shape):
        raise UserError(
            f"{path}: {len(values)} values where its header says "
            f"{'x'.join(map(str, shape))}; fetch the file again"
        )
    return values.reshape(shape)
