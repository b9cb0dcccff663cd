"""Images and labels from Python, as the data of a run."""

import numpy as np
import pytest
import tensorflow as tf

from tfnas.data.arrays import from_arrays
from tfnas.errors import UserError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (40, 6, 5, 3)).astype("uint8")
LABELS = np.arange(40) % 4


def same(one, two):
    return all(
        np.array_equal(getattr(getattr(one, split), part), kept)
        for split in ("train", "test")
        for part in ("images", "labels")
        for kept in [getattr(getattr(two, split), part)]
    )


WHOLE = from_arrays((IMAGES, LABELS))


def test_a_fifth_of_each_class_is_for_testing():
    assert (len(WHOLE.train), len(WHOLE.test)) == (32, 8)
    assert np.bincount(WHOLE.test.labels).tolist() == [2, 2, 2, 2]
    rows = {image.tobytes() for image in WHOLE.train.images}
    assert not rows & {image.tobytes() for image in WHOLE.test.images}
    assert not same(WHOLE, from_arrays((IMAGES, LABELS), seed=1))
    kept = from_arrays((IMAGES, LABELS), test_share=0)
    assert np.array_equal(kept.train.images, IMAGES)
    assert len(kept.test) == 0


def test_statistics_are_those_of_the_images():
    unit = IMAGES.reshape(-1, 3) / 255
    np.testing.assert_allclose(WHOLE.mean, unit.mean(0))
    np.testing.assert_allclose(WHOLE.std, unit.std(0))
    assert WHOLE.classes == ("0", "1", "2", "3")


@pytest.mark.parametrize(
    "data",
    [
        (IMAGES.astype("float32"), LABELS.astype("float64")),
        (IMAGES.astype("int64"), LABELS[:, None]),
        [IMAGES, np.eye(4)[LABELS]],
        (IMAGES.tolist(), LABELS.tolist()),
        tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)),
        tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(7),
        tf.data.Dataset.from_tensor_slices((IMAGES, np.eye(4)[LABELS])).batch(
            9
        ),
    ],
)
def test_every_form_is_the_same_data(data):
    assert same(from_arrays(data), WHOLE)


GRAY = IMAGES[..., 0]


def test_gray_images_need_no_channel():
    gray = from_arrays((GRAY, LABELS))
    assert gray.image_shape == (6, 5, 1)
    for labels in (LABELS, np.eye(4)[LABELS]):
        one = tf.data.Dataset.from_tensor_slices((GRAY, labels))
        for data in (one, one.batch(7), one.batch(8, drop_remainder=True)):
            assert same(from_arrays(data), gray)


def test_own_test_images_are_taken():
    found = from_arrays((IMAGES, LABELS), (IMAGES[:3], LABELS[:3]), "abcd")
    assert (len(found.train), len(found.test)) == (40, 3)
    assert found.classes == tuple("abcd")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((IMAGES, LABELS, LABELS), "weights of single images are not taken"),
        (IMAGES, "give (images, labels)"),
        ((IMAGES / 255, LABELS), "multiply them by 255"),
        ((IMAGES - 128.0, LABELS), "give 0 to 255"),
        ((IMAGES * np.nan, LABELS), "give 0 to 255"),
        ((IMAGES[..., :2], LABELS), "images have shape (40, 6, 5, 2)"),
        ((IMAGES[0], LABELS), "and 40 labels"),
        ((IMAGES, LABELS[:9]), "40 images and 9 labels"),
        ((IMAGES[:0], LABELS[:0]), "0 images"),
        ((IMAGES, LABELS + 0.5), "not class numbers from 0"),
        ((IMAGES, LABELS - 1), "not class numbers from 0"),
        ((IMAGES, LABELS.astype(str)), "not class numbers from 0"),
        ((IMAGES, np.ones((40, 4))), "several labels"),
        ((IMAGES, LABELS * 0), "only one class"),
        (
            tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).repeat(),
            "leave out repeat()",
        ),
        (tf.data.Dataset.from_tensor_slices(IMAGES), "of (image, label)"),
    ],
)
def test_other_data_are_refused_in_one_sentence(data, words):
    with pytest.raises(UserError) as error:
        from_arrays(data)
    assert words in str(error.value)


def test_every_class_has_a_name():
    with pytest.raises(UserError, match="2 names, but a label is 3"):
        from_arrays((IMAGES, LABELS), classes=("cat", "dog"))
