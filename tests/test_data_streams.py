"""Order and augmentation of batches, against plain NumPy loops."""

import itertools
import sys

import numpy as np
import preloaded
import pytest
import tensorflow as tf

from tfnas import data
from tfnas.data import Dataset, Split, augmentation, draws
from tfnas.errors import UserError


def make_dataset(count=22, shape=(8, 8, 3), flip=True):
    """Random images; a label is the image's own index."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, *shape), np.uint8)
    return Dataset(
        name="random",
        train=Split(images, np.arange(count)),
        test=Split(images[:4], np.arange(4)),
        classes=tuple(map(str, range(count))),
        mean=(0.5, 0.4, 0.3)[: shape[2]],
        std=(0.2, 0.3, 0.25)[: shape[2]],
        flip=flip,
    )


def arrays(stream):
    """All components of a stream's batches, one flat list a step."""
    return [
        [component.numpy() for component in tf.nest.flatten(batch)]
        for batch in stream
    ]


def assert_same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


# === Augmentation ===


def augment_one(image, numbers, dataset, cutout, crop_padding):
    """One image, as torchvision and the authors' Cutout do it."""
    height, width, _ = image.shape
    row, column, flip, cut_row, cut_column = numbers
    down, right = augmentation.padding(height), augmentation.padding(width)
    if crop_padding is not None:
        down = right = crop_padding
    image = np.pad(image, [(down, down), (right, right), (0, 0)])
    image = image[row : row + height, column : column + width]
    if flip:
        image = image[:, ::-1]
    image = (image / 255 - np.array(dataset.mean)) / np.array(dataset.std)
    top, bottom = np.clip(
        [cut_row - cutout // 2, cut_row + cutout // 2], 0, height
    )
    left, right = np.clip(
        [cut_column - cutout // 2, cut_column + cutout // 2], 0, width
    )
    image[top:bottom, left:right] = 0
    return image


@pytest.mark.parametrize("cutout", [0, 3, 6])
@pytest.mark.parametrize("shape", [(8, 8, 3), (28, 20, 1), (7, 9, 3)])
@pytest.mark.parametrize("crop_padding", [None, 2])
def test_batches_equal_single_images_in_numpy(shape, cutout, crop_padding):
    dataset = make_dataset(shape=shape)
    indices = np.arange(22)
    stream = data.train_stream(
        dataset,
        indices,
        batch_size=5,
        epochs=2,
        seed=7,
        cutout=cutout,
        crop_padding=crop_padding,
    )
    seen = 0
    for step, (images, labels) in enumerate(stream):
        drawn = augmentation.draw(
            labels.numpy(),
            shape,
            seed=7,
            epoch=step // 5,
            flip=True,
            crop_padding=crop_padding,
        )
        for image, label, numbers in zip(images, labels, drawn, strict=True):
            expected = augment_one(
                dataset.train.images[label],
                numbers,
                dataset,
                cutout,
                crop_padding,
            )
            np.testing.assert_allclose(image, expected, atol=1e-5)
            seen += 1
    assert seen == 44


@pytest.mark.parametrize("side, expected", [(32, 4), (28, 4), (8, 1), (4, 1)])
def test_padding_is_an_eighth(side, expected):
    assert augmentation.padding(side) == expected


def test_every_number_is_drawn_and_none_beyond():
    drawn = augmentation.draw(
        np.arange(5000), (8, 6, 3), seed=0, epoch=0, flip=True
    )
    for column, bound in zip(drawn.T, (3, 3, 2, 8, 6), strict=True):
        share = np.bincount(column, minlength=bound) / len(column)
        # Five standard deviations of a uniform draw.
        np.testing.assert_allclose(share, 1 / bound, atol=5 * 0.5 / 5000**0.5)


def test_draws_of_different_purposes_are_unrelated():
    columns = [
        draws.integers(0, 0, purpose, np.arange(5000), 1000)
        for purpose in range(1, 6)
    ]
    columns.append(draws.integers(1, 0, 1, np.arange(5000), 1000))
    columns.append(draws.integers(0, 1, 1, np.arange(5000), 1000))
    related = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(related).max() < 0.08


def test_bits_are_those_of_splitmix64():
    """The first outputs of the published generator for seed 0."""
    gamma = 0x9E3779B97F4A7C15
    states = np.array([0, gamma, 2 * gamma % 2**64], np.uint64)
    assert [hex(bits) for bits in draws._mix(states).tolist()] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


def test_alternate_flips_show_both_sides_in_any_two_epochs():
    def flipped(seed, epoch):
        drawn = augmentation.draw(
            np.arange(2000),
            (8, 8, 3),
            seed=seed,
            epoch=epoch,
            flip=True,
            flips="alternate",
        )
        return drawn[:, 2]

    first = flipped(0, 0)
    for epoch in range(1, 5):
        assert np.array_equal(flipped(0, epoch), (first + epoch) % 2)
    # Five standard deviations of a fair coin.
    assert abs(first.mean() - 0.5) < 5 * 0.5 / 2000**0.5
    other = flipped(1, 0)
    assert abs((first == other).mean() - 0.5) < 5 * 0.5 / 2000**0.5


def test_a_shift_is_smaller_than_the_image():
    with pytest.raises(UserError, match="--crop_padding=8: images are 8x8"):
        data.train_stream(
            make_dataset(),
            np.arange(4),
            batch_size=2,
            epochs=1,
            seed=0,
            crop_padding=8,
        )


@pytest.mark.parametrize("flips", ["random", "alternate"])
def test_digits_are_never_mirrored(flips):
    drawn = augmentation.draw(
        np.arange(100), (8, 8, 1), seed=0, epoch=1, flip=False, flips=flips
    )
    assert not drawn[:, 2].any()


# === Order ===

HALVES = np.arange(11), np.arange(11, 22)


def test_each_sample_is_seen_once_an_epoch_in_its_own_half():
    dataset = make_dataset()
    stream = data.search_stream(dataset, HALVES, batch_size=4, epochs=2, seed=1)
    steps = arrays(stream)
    assert len(steps) == 2 * data.steps_per_epoch(11, 4) == 6
    orders = []
    for epoch in (steps[:3], steps[3:]):
        train = np.concatenate([step[1] for step in epoch])
        valid = np.concatenate([step[3] for step in epoch])
        np.testing.assert_array_equal(np.sort(train), np.arange(11))
        np.testing.assert_array_equal(np.sort(valid), np.arange(11, 22))
        orders.append([*train, *valid])
        assert [len(step[1]) for step in epoch] == [4, 4, 3]
        assert [len(step[3]) for step in epoch] == [4, 4, 3]
    assert orders[0] != orders[1]


def test_a_batch_above_the_half_gives_one_smaller_batch():
    stream = data.search_stream(
        make_dataset(), HALVES, batch_size=64, epochs=2, seed=1
    )
    assert [len(step[0]) for step in arrays(stream)] == [11, 11]


def test_a_seed_decides_everything():
    def stream(seed):
        return arrays(
            data.search_stream(
                make_dataset(),
                HALVES,
                batch_size=4,
                epochs=2,
                seed=seed,
                cutout=2,
            )
        )

    assert_same(stream(3), stream(3))
    assert any(
        (a != b).any() for a, b in zip(stream(3)[0], stream(4)[0], strict=True)
    )


@pytest.mark.parametrize("start_step", [1, 3, 5, 6])
def test_a_stream_resumes_at_any_step(start_step):
    options = dict(batch_size=4, epochs=2, seed=3)
    whole = data.search_stream(make_dataset(), HALVES, **options)
    resumed = data.search_stream(
        make_dataset(), HALVES, start_step=start_step, **options
    )
    assert resumed.cardinality() == 6 - start_step
    assert_same(arrays(resumed), arrays(whole)[start_step:])


def test_no_tuner_of_threads_outlives_a_stream():
    """On one core tf.data's would keep an epoch's end waiting."""
    dataset = make_dataset()
    streams = [
        data.search_stream(dataset, HALVES, batch_size=4, epochs=1, seed=0),
        data.evaluation_batches(dataset.test, dataset, 4),
    ]
    for stream in streams:
        assert stream.options().autotune.enabled is False


def test_epochs_repeat_one_long_stream():
    """A longer run begins as a shorter one."""
    dataset = make_dataset()
    short = data.search_stream(dataset, HALVES, batch_size=4, epochs=1, seed=0)
    long = data.search_stream(dataset, HALVES, batch_size=4, epochs=3, seed=0)
    assert_same(arrays(short), arrays(itertools.islice(long, 3)))


def test_authors_steps():
    steps = [data.steps_per_epoch(25_000, size) for size in (64, 96, 128)]
    assert steps == [391, 261, 196]


# === Components ===


def test_types_are_those_of_a_network():
    stream = data.search_stream(
        make_dataset(), HALVES, batch_size=4, epochs=1, seed=0
    )
    (images, labels), valid = stream.element_spec
    assert images == tf.TensorSpec((None, 8, 8, 3), tf.float32)
    assert labels == tf.TensorSpec((None,), tf.int64)
    assert valid == (images, labels)


def test_without_augmentation_images_are_only_normalised():
    dataset = make_dataset()
    stream = data.search_stream(
        dataset, HALVES, batch_size=11, epochs=1, seed=0, augment=False
    )
    images, labels, _, _ = arrays(stream)[0]
    expected = (dataset.train.images[labels] / 255 - dataset.mean) / dataset.std
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_evaluation_keeps_the_order():
    dataset = make_dataset()
    split = dataset.train
    batches = arrays(data.evaluation_batches(split, dataset, 8))
    assert [len(labels) for _, labels in batches] == [8, 8, 6]
    images, labels = (
        np.concatenate(part) for part in zip(*batches, strict=True)
    )
    np.testing.assert_array_equal(labels, split.labels)
    expected = (split.images / 255 - dataset.mean) / dataset.std
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_cutout_is_half_the_image_by_default():
    dataset = make_dataset()
    options = dict(batch_size=22, epochs=1, seed=0)
    default = data.train_stream(dataset, np.arange(22), **options)
    half = data.train_stream(dataset, np.arange(22), cutout=4, **options)
    assert_same(arrays(default), arrays(half))


TWO_REPLICAS = """
import tensorflow as tf
from tfnas import data
cpu = tf.config.list_physical_devices("CPU")[0]
device = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [device, device])
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
dataset = data.load("digits")
halves = data.search_halves(dataset)
stream = data.search_stream(dataset, halves, batch_size=64, epochs=1, seed=0)
split = strategy.experimental_distribute_dataset(stream)
steps = 0
for whole, parts in zip(stream, split, strict=True):
    for tensor, part in zip(tf.nest.flatten(whole), tf.nest.flatten(parts)):
        first, second = strategy.experimental_local_results(part)
        assert abs(len(first) - len(second)) <= 1
        tf.debugging.assert_equal(tf.concat([first, second], 0), tensor)
    steps += 1
print("steps:", steps)
"""


def test_two_replicas_share_each_batch():
    # Logical devices must be set before TensorFlow starts.
    done = preloaded.run([sys.executable, "-c", TWO_REPLICAS])
    assert done.stdout.endswith("steps: 12\n"), done.stderr


# === Refusals ===


def test_bad_numbers_are_named():
    dataset = make_dataset()
    indices = np.arange(22)
    with pytest.raises(UserError, match="--batch_size=0"):
        data.search_stream(dataset, HALVES, batch_size=0, epochs=1, seed=0)
    for cutout in (-1, 8):
        with pytest.raises(UserError, match=f"--cutout={cutout}.*0.*7"):
            data.train_stream(
                dataset, indices, batch_size=4, epochs=1, seed=0, cutout=cutout
            )
    with pytest.raises(UserError, match="no images"):
        data.train_stream(dataset, indices[:0], batch_size=4, epochs=1, seed=0)


def test_one_image_cannot_be_split():
    dataset = make_dataset()
    one = Split(dataset.train.images[:1], dataset.train.labels[:1])
    with pytest.raises(UserError, match="two search halves"):
        data.search_halves(
            Dataset("one", one, one, dataset.classes, dataset.mean, dataset.std)
        )
