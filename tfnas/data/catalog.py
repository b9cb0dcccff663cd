"""Image classification datasets of the TFDS catalog."""

import pathlib
import textwrap
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import tensorflow as tf

from tfnas.data.dataset import Split
from tfnas.data.decoding import collect
from tfnas.data.files import damaged
from tfnas.data.names import unknown
from tfnas.errors import UserError


def load_from_catalog(name, data_dir=None, image_size=None):
    """Reads a dataset of the catalog by TFDS's name, prepared data first.

    `data_dir` is TFDS's data folder or a prepared dataset's own. Returns the
    train `Split`, the test `Split` and the class names in order. An unknown
    name, another kind of dataset, or data that are neither prepared nor
    available raise `UserError`.
    """
    import tensorflow_datasets as tfds

    builder = prepared_builder(name, data_dir)
    image_key, label_key = supervised_keys(name, builder)
    classes = tuple(builder.info.features[label_key].names)
    channels = builder.info.features[image_key].shape[-1]
    splits = builder.info.splits
    test_name = "test" if "test" in splits else "validation"
    for split in ("train", test_name):
        if split not in splits:
            raise UserError(
                f"--dataset={name}: has no {split} split; use a dataset "
                "with train and test"
            )

    def read(split):
        examples = builder.as_dataset(
            split, decoders={image_key: tfds.decode.SkipDecoding()}
        ).map(lambda example: (example[image_key], example[label_key]))
        images, labels, damage = collect(
            _files(examples, splits[split].num_examples),
            splits[split].num_examples,
            image_size,
            describe=lambda place: f"{name}, {split} image {place}",
            channels=channels if channels != 4 else 0,
        )
        if damage:
            raise damaged([*damage.values()])
        if labels.min() < 0:
            raise UserError(
                f"--dataset={name}: its {split} split has no labels"
            )
        return Split(images, labels)

    return read("train"), read(test_name), classes


def _files(examples, count):
    """Yields (image file, label); one that cannot be read is an empty file."""
    examples = examples.as_numpy_iterator()
    for _ in range(count):
        try:
            yield next(examples)
        except (StopIteration, tf.errors.OpError):
            yield b"", -1


def prepared_builder(name, data_dir=None):
    """The TFDS builder of a dataset, its data prepared if need be.

    Takes and raises what `load_from_catalog` does.
    """
    import tensorflow_datasets as tfds

    if data_dir and (pathlib.Path(data_dir) / "dataset_info.json").is_file():
        builder = tfds.builder_from_directory(data_dir)
        if builder.name != name.split("/")[0]:
            raise UserError(
                f"--data_dir={data_dir}: holds {builder.name}; use "
                f"--dataset={builder.name}"
            )
        return builder
    builder = _builder(name, data_dir)
    supervised_keys(name, builder)
    if not builder.is_prepared():
        _download(name, builder)
    return builder


def _builder(name, data_dir):
    import tensorflow_datasets as tfds

    # A name with a colon belongs to a community, and asks the network.
    if ":" not in name:
        try:
            return tfds.builder(name, data_dir=data_dir)
        except tfds.core.DatasetNotFoundError:
            pass
        except Exception as error:  # A builder may raise anything.
            reason = textwrap.shorten(str(error), 300)
            raise UserError(f"--dataset={name}: {reason}") from None
    raise unknown(name)


def supervised_keys(name, builder):
    """The names of a builder's image and label features.

    A builder without them, or with another kind, raises `UserError`.
    """
    import tensorflow_datasets as tfds

    features = builder.info.features
    keys = builder.info.supervised_keys or ("image", "label")
    # By exact type, as a LabeledImage is an Image too.
    kinds = {key: type(feature) for key, feature in features.items()}
    wanted = [tfds.features.Image, tfds.features.ClassLabel]
    nested = not all(isinstance(key, str) for key in keys)
    if (
        nested
        or [kinds.get(key) for key in keys] != wanted
        or features[keys[0]].np_dtype != np.uint8
    ):
        raise UserError(
            f"--dataset={name}: has no 8-bit image with a class label; use "
            "an image classification dataset"
        )
    return keys


def _download(name, builder):
    # TFDS retries silently for minutes, so ask first if a server answers.
    home = builder.info.homepage
    if not reachable((home, "https://storage.googleapis.com")):
        raise UserError(
            f"--dataset={name}: not prepared in {builder.data_path}, and "
            "there is no network to download it; set --data_dir to prepared "
            "TFDS data, or use --dataset=digits or --dataset=image_folder"
        )
    try:
        builder.download_and_prepare()
    except Exception as error:  # A builder may raise anything.
        reason = textwrap.shorten(str(error), 300)
        raise UserError(
            f"--dataset={name}: TFDS could not prepare it ({reason}); set "
            "--data_dir to prepared data"
        ) from None


def reachable(urls, seconds=4.0):
    """Whether one of the servers, all asked at once, answers in time.

    Proxies are included.
    """
    answered = threading.Event()

    def ask(url):
        # Over https an error status is the server's own, not a proxy's.
        url = url.replace("http://", "https://", 1)
        try:
            request = urllib.request.Request(url, method="HEAD")
            urllib.request.urlopen(request, timeout=seconds).close()
        except urllib.error.HTTPError:
            pass
        except (OSError, ValueError):
            return
        answered.set()

    # Threads bound the time of name look-ups too, which have no timeout.
    threads = [
        threading.Thread(target=ask, args=(url,), daemon=True) for url in urls
    ]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if answered.wait(0.05) or time.monotonic() > deadline:
            break
    return answered.is_set()
