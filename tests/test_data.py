"""Sources of images: what is read, what is refused, and the message."""

import gzip
import time

import numpy as np
import pytest
import tensorflow as tf

from tfnas import data
from tfnas.data import catalog
from tfnas.data.dataset import channel_statistics
from tfnas.errors import UserError


def random_image(height=8, width=8, channels=3, seed=0):
    shape = (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def refusal(*args, **options):
    with pytest.raises(UserError) as error:
        data.load(*args, **options)
    message = str(error.value)
    assert "\n" not in message
    return message


# === Digits ===


def test_digits_are_scikit_learns_with_the_last_360_for_testing():
    from sklearn.datasets import load_digits

    dataset = data.load("digits")
    assert dataset.train.images.shape == (1437, 8, 8, 1)
    assert dataset.test.images.shape == (360, 8, 8, 1)
    assert dataset.train.images.dtype == np.uint8
    assert dataset.train.images.min() == 0
    assert dataset.train.images.max() == 255
    assert not dataset.flip
    target = load_digits().target
    np.testing.assert_array_equal(dataset.train.labels, target[:1437])
    np.testing.assert_array_equal(dataset.test.labels, target[1437:])


def test_digits_refuse_a_folder():
    assert "--dataset=image_folder" in refusal("digits", data_dir="photos")


def test_image_size_resizes_any_source():
    assert data.load("digits", image_size=12).image_shape == (12, 12, 1)


@pytest.mark.parametrize("size", [-1, 0, 3])
def test_too_small_for_two_reductions(size):
    assert "--image_size" in refusal("digits", image_size=size)


def test_search_halves_share_nothing_and_miss_nothing():
    dataset = data.load("digits")
    train, valid = data.search_halves(dataset, "index")
    assert (len(train), len(valid)) == (718, 719)
    np.testing.assert_array_equal(
        np.concatenate([train, valid]), np.arange(1437)
    )


def test_statistics_agree_with_numpy():
    images = np.stack([random_image(seed=seed) for seed in range(5)])
    mean, std = channel_statistics(images)
    np.testing.assert_allclose(mean, (images / 255).mean((0, 1, 2)))
    np.testing.assert_allclose(std, (images / 255).std((0, 1, 2)))


def test_a_constant_channel_can_be_divided_by_its_deviation():
    assert channel_statistics(np.zeros((2, 4, 4, 1), np.uint8))[1] == (1.0,)


# === Fashion-MNIST ===


def write_idx(path, array, kind=8):
    header = bytes((0, 0, kind, array.ndim))
    shape = np.array(array.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(header + shape + array.tobytes()))


@pytest.fixture
def fashion(tmp_path):
    for prefix, count in (("train", 6), ("t10k", 2)):
        images = random_image(count, 5, 7)
        write_idx(tmp_path / f"{prefix}-images-idx3-ubyte.gz", images)
        labels = np.arange(count, dtype=np.uint8)
        write_idx(tmp_path / f"{prefix}-labels-idx1-ubyte.gz", labels)
    return tmp_path


def test_idx_files(fashion):
    dataset = data.load("fashion_mnist", data_dir=fashion)
    images = dataset.train.images
    np.testing.assert_array_equal(images[..., 0], random_image(6, 5, 7))
    assert dataset.train.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert len(dataset.test) == 2
    assert dataset.classes[9] == "ankle boot"
    assert dataset.flip


def test_damaged_idx_files_are_named(fashion):
    path = fashion / "t10k-images-idx3-ubyte.gz"
    content = path.read_bytes()
    short = gzip.compress(gzip.decompress(content)[:-1])
    for damaged in (content[:-12], b"", b"not gzip", short):
        path.write_bytes(damaged)
        assert path.name in refusal("fashion_mnist", data_dir=fashion)
    write_idx(path, np.zeros((2, 5, 7), np.float32), kind=13)
    assert path.name in refusal("fashion_mnist", data_dir=fashion)


def test_idx_labels_must_fit_their_images(fashion):
    path = fashion / "train-labels-idx1-ubyte.gz"
    write_idx(path, np.zeros(5, np.uint8))
    assert "5 labels for 6" in refusal("fashion_mnist", data_dir=fashion)


# === TFDS ===


def test_an_unknown_name_gets_a_suggestion():
    assert "did you mean fashion_mnist?" in refusal("fashion_mnst")
    assert "unknown" in refusal("huggingface:cifar10")


def test_an_unknown_configuration_is_named():
    assert "fog_9 not found" in refusal("cifar10_corrupted/fog_9")


def test_a_dataset_without_image_and_label_is_refused():
    assert "aeslc" in refusal("aeslc")


def test_without_a_network_the_message_comes_at_once(tmp_path):
    if catalog.reachable(["https://www.tensorflow.org"]):
        pytest.skip("the network is reachable")
    start = time.monotonic()
    message = refusal("cifar10", data_dir=tmp_path)
    assert time.monotonic() - start < 5
    assert "--data_dir" in message and "no network" in message


def test_a_server_that_does_not_answer_is_given_up():
    start = time.monotonic()
    # RFC 5737 keeps this address for documentation: nobody answers.
    assert not catalog.reachable(["https://192.0.2.1"], seconds=0.3)
    assert time.monotonic() - start < 2


def prepare(folder, name):
    """Stores 4 + 2 images in the form that TFDS's CIFAR-10 has."""
    import tensorflow_datasets as tfds

    def split(count):
        examples = {
            "id": [str(number) for number in range(count)],
            "image": [random_image(32, 32, seed=i) for i in range(count)],
            "label": [number % 10 for number in range(count)],
        }
        return tf.data.Dataset.from_tensor_slices(examples)

    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="3.0.2",
        data_dir=folder,
        features=tfds.features.FeaturesDict(
            {
                "id": tfds.features.Text(),
                "image": tfds.features.Image(shape=(32, 32, 3)),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
        ),
        split_datasets={"train": split(4), "test": split(2)},
        disable_shuffling=True,
    )
    return folder / name / "3.0.2"


@pytest.mark.parametrize("name", ["cifar10", "a_set_of_my_own"])
def test_prepared_data_needs_no_network(tmp_path, monkeypatch, name):
    monkeypatch.setattr(catalog, "reachable", lambda urls: False)
    prepared = prepare(tmp_path, name)
    for data_dir in (tmp_path, prepared):
        dataset = data.load(name, data_dir=data_dir)
        assert len(dataset.classes) == 10
        assert len(dataset.test) == 2
        order = np.argsort(dataset.train.labels)
        np.testing.assert_array_equal(
            dataset.train.images[order],
            [random_image(32, 32, seed=number) for number in range(4)],
        )
    assert name in refusal("cifar100", data_dir=prepared)


def test_a_record_that_cannot_be_read_is_named(tmp_path):
    prepared = prepare(tmp_path, "a_set_of_my_own")
    (path,) = prepared.glob("*-train.*")
    content = bytearray(path.read_bytes())
    content[-40] ^= 255
    path.write_bytes(content)
    message = refusal("a_set_of_my_own", data_dir=prepared)
    assert "1 damaged image: a_set_of_my_own, train image 3;" in message


def test_cifar_has_the_authors_statistics(tmp_path):
    prepare(tmp_path, "cifar10")
    dataset = data.load("cifar10", data_dir=tmp_path)
    assert dataset.mean == (0.49139968, 0.48215827, 0.44653124)
    assert dataset.std == (0.24703233, 0.24348505, 0.26158768)


def test_the_first_images_alone():
    whole = data.load("digits")
    part = data.subset(whole, 100, "index")
    np.testing.assert_array_equal(part.train.images, whole.train.images[:100])
    assert part.test is whole.test
    with pytest.raises(UserError, match=r"--train_images=1438: digits has"):
        data.subset(whole, 1438)
