"""ImageNet's recipe: crops and colours as torchvision's, files, whole runs."""

import dataclasses
import json
import math
import shutil
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance

from tfnas import convert, data, methods
from tfnas.cost import network_cost, supernet_cost
from tfnas.data import draws, imagenet
from tfnas.errors import UserError
from tfnas.networks.darts.supernet import Supernet
from tfnas.search import resolve as resolve_search
from tfnas.search import run as search_run
from tfnas.train import resolve
from tfnas.train import run as train_run

SIZES = ((240, 300), (224, 224), (300, 231), (64, 500))


def photograph(height, width, seed):
    """Noise on a gradient, so that crops and colours can be told apart."""
    noise = np.random.default_rng(seed).integers(0, 60, (height, width, 3))
    ramp = np.linspace(0, 195, width)[None, :, None]
    return (noise + ramp * np.array([1, 0.5, 0.2])).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """JPEG files of four sizes, two classes: 16 to train on, 8 to test."""
    root = tmp_path_factory.mktemp("photographs")
    for split, count in (("train", 8), ("test", 4)):
        for label, name in enumerate(("cat", "dog")):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                height, width = SIZES[number % 4]
                image = photograph(height, width, 100 * label + number)
                image[..., label] = 200
                Image.fromarray(image).save(
                    root / split / name / f"{number}.jpg", quality=95
                )
    return root


def load(folder, side=64):
    return data.load("image_folder", str(folder), side, "imagenet")


# === Draws and crops ===


def torchvision_box(height, width, numbers):
    """`RandomResizedCrop.get_params`, its random numbers given."""
    for area, ratio in zip(numbers[:10], numbers[10:20], strict=True):
        target = height * width * (0.08 + 0.92 * area)
        low, high = math.log(3 / 4), math.log(4 / 3)
        aspect = math.exp(low + (high - low) * ratio)
        w = round(math.sqrt(target * aspect))
        h = round(math.sqrt(target / aspect))
        if 0 < w <= width and 0 < h <= height:
            row, column = numbers[20], numbers[21]
            top = math.floor(row * (height - h + 1))
            return top, math.floor(column * (width - w + 1)), h, w
    h, w = height, width
    if width / height < 3 / 4:
        h = round(width / (3 / 4))
    elif width / height > 4 / 3:
        w = round(height * (4 / 3))
    return (height - h) // 2, (width - w) // 2, h, w


@pytest.mark.parametrize("size", [*SIZES, (500, 40), (33, 1000), (1, 1)])
def test_crops_are_torchvision_s(size):
    numbers = imagenet.draw(np.arange(200), seed=3, epoch=1, flip=True)
    box = tf.function(partial(imagenet.crop_box, *size))  # as in a stream
    boxes = np.stack([box(tf.constant(row)) for row in numbers])
    expected = [torchvision_box(*size, row.astype(float)) for row in numbers]
    # Rounding differs where float32 comes within a hair of a half.
    different = np.abs(boxes - expected).max(1)
    assert (different > 0).mean() < 0.02
    assert different.max() <= 1
    top, left, height, width = boxes.T
    assert (boxes[:, 2:] >= 1).all() and (boxes[:, :2] >= 0).all()
    assert (top + height <= size[0]).all() and (left + width <= size[1]).all()


def test_numbers_are_uniform_and_unrelated():
    numbers = imagenet.draw(np.arange(4000), seed=0, epoch=0, flip=True)
    assert numbers.shape == (4000, 28)
    assert numbers.min() >= 0 and numbers.max() < 1
    np.testing.assert_allclose(numbers.mean(0), 0.5, atol=0.025)
    related = np.corrcoef(numbers.T) - np.eye(28)
    assert np.abs(related).max() < 0.09
    again = imagenet.draw(np.array([7]), seed=0, epoch=0, flip=True)
    np.testing.assert_array_equal(again[0], numbers[7])
    assert len({*draws.JITTER, *draws.CROP_TRIES, *range(6)}) == 31


def test_an_image_is_mirrored_by_its_number_alone():
    image = photograph(40, 50, 0)
    numbers = imagenet.draw(np.array([0]), seed=0, epoch=0, flip=False)[0]
    plain = imagenet.random_resized_crop(image, numbers, 20).numpy()
    numbers[22] = 0.49
    mirrored = imagenet.random_resized_crop(image, numbers, 20).numpy()
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])


def test_the_evaluation_crop_is_torchvision_s():
    for height, width in ((240, 300), (300, 231), (64, 500)):
        image = photograph(height, width, 0)
        shorter = min(height, width)
        size = width * 256 // shorter, height * 256 // shorter
        resized = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
        left, top = (round((n - 224) / 2) for n in size)
        box = (left, top, left + 224, top + 224)
        ours = imagenet.centre_crop(image, 224).numpy()
        # PIL rounds to whole numbers between rows and columns.
        np.testing.assert_allclose(ours, resized.crop(box), atol=2)


# === Colours ===


def numbers_with(**changes):
    """Numbers that change nothing, in the order of the draws, but these."""
    places = {"brightness": 23, "contrast": 24, "saturation": 25, "hue": 26}
    numbers = np.full(28, 0.5, np.float32)
    numbers[27] = 0
    for name, value in changes.items():
        numbers[places[name]] = value
    return numbers


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
@pytest.mark.parametrize("number", [0.0, 0.3, 0.99])
def test_colours_change_as_pil_changes_them(name, number):
    image = photograph(20, 30, 0)
    enhance = {
        "brightness": ImageEnhance.Brightness,
        "contrast": ImageEnhance.Contrast,
        "saturation": ImageEnhance.Color,
    }[name](Image.fromarray(image))
    expected = np.asarray(enhance.enhance(1 + 0.4 * (2 * number - 1)))
    numbers = numbers_with(**{name: number})
    ours = imagenet.colour_jitter(image.astype(np.float32), numbers)
    np.testing.assert_allclose(ours, expected, atol=1.5)


def test_hue_turns_by_a_fifth_at_most():
    red = np.full((2, 2, 3), (200, 0, 0), np.float32)
    turned = imagenet.colour_jitter(red, numbers_with(hue=0.0)).numpy()
    # A fifth of the circle back from red: 0.8, between blue and magenta.
    np.testing.assert_allclose(turned[0, 0], (160, 0, 200), atol=1)
    same = imagenet.colour_jitter(red, numbers_with()).numpy()
    np.testing.assert_allclose(same, red, atol=0.01)


def test_the_order_of_the_changes_matters_and_is_drawn():
    image = photograph(20, 30, 0).astype(np.float32)
    numbers = numbers_with(brightness=0.9, contrast=0.9, hue=0.2)
    results = []
    for order in range(24):
        numbers[27] = (order + 0.5) / 24
        result = imagenet.colour_jitter(image, numbers).numpy()
        assert result.min() >= 0 and result.max() <= 255
        results.append(result.round(2).tobytes())
    assert 4 < len(set(results)) <= 24


# === Files ===


def test_what_is_damaged_during_a_run_is_named(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    dataset = load(copy)
    damaged = copy / "train" / "cat" / "3.jpg"
    damaged.write_bytes(b"not an image")
    assert (len(dataset.train), len(dataset.test)) == (16, 8)
    assert dataset.image_shape == (64, 64, 3)
    assert dataset.classes == ("cat", "dog")
    assert (dataset.mean, dataset.std) == (imagenet.MEAN, imagenet.STD)
    stream = data.train_stream(
        dataset, np.arange(16), batch_size=16, epochs=1, seed=0
    )
    message = f"1 damaged image: {damaged}; restore it and go on with --resume"
    with pytest.raises(UserError, match=message), data.damage_named(dataset):
        list(stream)


def test_classes_are_mixed_and_labels_are_right(folder):
    train = load(folder).train
    files, labels = train.files(np.arange(16))
    assert sorted(labels) == [0] * 8 + [1] * 8
    assert 0 < labels[:8].sum() < 8
    for file, label in zip(files, labels, strict=True):
        channel = imagenet.decode(file).numpy().mean((0, 1))[label]
        assert abs(channel - 200) < 5


def test_a_batch_is_its_images_one_by_one_and_resumes(folder):
    dataset = load(folder)
    options = {"batch_size": 6, "epochs": 2, "seed": 5}
    whole = list(data.train_stream(dataset, np.arange(16), **options))
    later = data.train_stream(dataset, np.arange(16), start_step=4, **options)
    for (one, _), (other, _) in zip(whole[4:], later, strict=True):
        np.testing.assert_array_equal(one, other)
    order = draws.shuffled(5, 1, np.arange(16))
    numbers = imagenet.draw(
        dataset.train.indices[order], seed=5, epoch=1, flip=True
    )
    files, labels = dataset.train.files(order)
    np.testing.assert_array_equal(labels[:6], whole[3][1])
    for place in range(6):
        image = imagenet.decode(files[place])
        image = imagenet.random_resized_crop(image, numbers[place], 64)
        image = imagenet.colour_jitter(image, numbers[place]) / 255
        expected = (image - imagenet.MEAN) / np.array(imagenet.STD)
        np.testing.assert_allclose(whole[3][0][place], expected, atol=1e-4)


def test_evaluation_takes_the_centre_in_order(folder):
    dataset = load(folder)
    test = dataset.test.take(slice(3, 8))
    batches = list(data.evaluation_batches(test, dataset, 3))
    assert [len(labels) for _, labels in batches] == [3, 2]
    files, labels = dataset.test.files(np.arange(3, 8))
    np.testing.assert_array_equal(
        labels, np.concatenate([labels for _, labels in batches])
    )
    image = imagenet.centre_crop(imagenet.decode(files[4]), 64) / 255
    expected = (image - imagenet.MEAN) / np.array(imagenet.STD)
    np.testing.assert_allclose(batches[1][0][1], expected, atol=1e-4)


def test_small_arrays_and_foreign_classes_are_refused(folder, tmp_path):
    with pytest.raises(UserError, match="--augmentation=imagenet: digits"):
        data.load("digits", augmentation="imagenet")
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "test" / "cat").rename(copy / "test" / "emu")
    with pytest.raises(UserError, match="class emu has no folder in train/"):
        load(copy)


# === TFDS: imagenet2012 has unlabelled test images ===


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_imagenet2012_is_read_record_by_record(tmp_path):
    import tensorflow_datasets as tfds

    def split(count, labelled=True):
        names = [f"{number}.png" for number in range(count)]
        examples = {
            "file_name": names,
            "image": np.stack([photograph(40, 50, i) for i in range(count)]),
            "label": [i % 3 if labelled else -1 for i in range(count)],
        }
        return tf.data.Dataset.from_tensor_slices(examples)

    tfds.dataset_builders.store_as_tfds_dataset(
        name="imagenet2012",
        version="5.1.0",
        data_dir=tmp_path,
        features=tfds.features.FeaturesDict(
            {
                "file_name": tfds.features.Text(),
                "image": tfds.features.Image(encoding_format="png"),
                "label": tfds.features.ClassLabel(num_classes=3),
            }
        ),
        split_datasets={
            "train": split(7),
            "validation": split(5),
            "test": split(2, labelled=False),
        },
        disable_shuffling=True,
    )
    prepared = tmp_path / "imagenet2012" / "5.1.0"
    dataset = data.load("imagenet2012", str(prepared), 32, "imagenet")
    assert (len(dataset.train), len(dataset.test)) == (7, 5)
    assert dataset.train.labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    files, labels = dataset.train.files(np.array([6, 2]))
    for file, label in zip(files, labels, strict=True):
        image = imagenet.decode(file).numpy()
        seeds = [i for i in range(7) if i % 3 == label]
        assert any(np.array_equal(image, photograph(40, 50, i)) for i in seeds)
    stream = data.train_stream(
        dataset, np.arange(7), batch_size=7, epochs=1, seed=0
    )
    assert next(iter(stream))[0].shape == (7, 32, 32, 3)
    record = next(prepared.glob("*train*.tfrecord*"))
    record.write_bytes(record.read_bytes()[:-5])
    with pytest.raises(UserError, match="prepare it again"):
        data.load("imagenet2012", str(prepared), 32, "imagenet")


# === The supernet with an ImageNet stem ===


def test_the_search_stem_halves_three_times_and_is_counted():
    supernet = Supernet(
        "pc_darts",
        input_shape=(64, 64, 3),
        channels=8,
        cells=3,
        nodes=1,
        stem="imagenet",
    )
    images = np.zeros((2, 64, 64, 3), np.float32)
    outputs = supernet.stem(images)
    assert [x.shape for x in outputs] == [(2, 16, 16, 8), (2, 8, 8, 8)]
    assert supernet(images).shape == (2, 10)
    weights = sum(math.prod(v.shape) for v in supernet.weight_variables)
    assert supernet.cost().parameters == weights
    copy = Supernet.from_config(supernet.get_config())
    assert copy.method.stem == "imagenet"
    arrays = convert.to_authors(supernet)
    assert arrays["stem0.3.weight"].shape == (8, 4, 3, 3)
    assert {"stem0.4.bias", "stem1.1.weight", "stem1.2.weight"} <= arrays.keys()
    convert.load_authors_weights(copy, arrays)


def test_both_networks_have_the_same_stem():
    every = [["skip_connect"]] * 14
    operations = {"normal": every, "reduce": every}
    size = {"input_shape": (224, 224, 3), "channels": 48, "cells": 14}
    large = supernet_cost(operations, stem="imagenet", **size)
    small = supernet_cost(operations, **size)
    assert large.multiply_adds < small.multiply_adds / 40
    genotype = resolve({"genotype": "DARTS_V2"})[2]
    assert network_cost(genotype, stem="imagenet", **size)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"stem": "imagenet", "channels": 3}, "--channels=3: --stem=imagenet"),
        (
            {"stem": "imagenet", "method": "fair_darts", "space": "mobile"},
            "--stem=imagenet: --space=mobile",
        ),
    ],
)
def test_stems_that_cannot_be_are_named(flags, message):
    with pytest.raises(UserError, match=message):
        resolve_search(flags)
    with pytest.raises(UserError, match="of at least 32x32 pixels"):
        Supernet("darts", input_shape=(16, 16, 3), stem="imagenet")


# === Whole runs ===


def test_the_preset_is_darts_s_and_refuses_cutout():
    _, recipe, _ = resolve({"genotype": "PDARTS", "preset": "imagenet"})
    assert (recipe.channels, recipe.cells, recipe.epochs) == (48, 14, 250)
    assert recipe.rate_at(1) == pytest.approx(0.097)
    assert (recipe.auxiliary, recipe.drop_path) == (0.4, 0)
    assert (recipe.weight_decay, recipe.label_smoothing) == (3e-5, 0.1)
    with pytest.raises(UserError, match="--cutout=16: --augmentation=imagenet"):
        recipe.with_flags({"cutout": 16})


def test_a_training_on_photographs_from_end_to_end(folder, tmp_path):
    given = {
        "genotype": str(Path(__file__).parent / "small_genotype.json"),
        "preset": "imagenet",
        "dataset": "image_folder",
        "data_dir": str(folder),
        "channels": 2,
        "cells": 3,
        "epochs": 1,
        "batch_size": 4,
        "valid_images": 4,
        "out": str(tmp_path / "run"),
        "deterministic": False,
    }
    config, recipe, genotype = resolve(given)
    accuracy = train_run.train(config, recipe, genotype, ["train"])
    assert 0 <= accuracy <= 1
    record = json.loads((tmp_path / "run" / "config.json").read_text())
    assert record["data"]["image_shape"] == [224, 224, 3]
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["test_images"] == 8
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_search_on_photographs_from_end_to_end(folder, tmp_path):
    given = {
        "method": "pc_darts",
        "preset": "imagenet",
        "dataset": "image_folder",
        "data_dir": str(folder),
        "image_size": 64,
        "operations": ("max_pool_3x3", "skip_connect", "sep_conv_3x3"),
        "channels": 4,
        "cells": (3,),
        "nodes": 1,
        "epochs": 1,
        "warmup_epochs": 0,
        "batch_size": 4,
        "out": str(tmp_path / "run"),
        "deterministic": False,
    }
    genotype = search_run.search(*resolve_search(given), ["search"])
    assert genotype.normal.edges
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert "--preset=imagenet" in summary["next_command"]
    keras.backend.clear_session()


def test_the_search_s_preset_is_pc_darts_s():
    method = methods.get("pc_darts").with_preset("imagenet")
    assert (method.stem, method.augmentation) == ("imagenet", "imagenet")
    assert (method.epochs, method.warmup_epochs) == (50, 35)
    assert dataclasses.replace(method).batch_size == 1024
