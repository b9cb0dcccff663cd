"""Predictions of image files, batch by batch, and their measures."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfnas.cli.files import staged
from tfnas.data import evaluation, formats
from tfnas.data.decoding import fault
from tfnas.data.files import readable
from tfnas.errors import UserError
from tfnas.networks.classifier import in_units_of, logits_of
from tfnas.predict import answers, contact_sheet
from tfnas.report.measures import measured

BATCH = 64


@dataclass(frozen=True)
class Prediction:
    """A network's prediction for an image.

    Attributes:
        image: the `Image`.
        shares: the probability of each class, (classes,).
        classes: the names.
    """

    image: object
    shares: np.ndarray
    classes: tuple

    @property
    def named(self):
        """The predicted class."""
        return self.classes[int(self.shares.argmax())]

    @property
    def probability(self):
        """The predicted class's probability."""
        return float(self.shares.max())

    @property
    def is_mistake(self):
        """Whether the image is in another class's folder."""
        return self.image.label not in (None, self.named)


def predict(source, config, images):
    """Print the answers of a `Source`'s network, and the accuracy.

    Unreadable files are named at the end, in a `UserError`.
    """
    classes, damage, found = source.classes, [], []
    form = answers.form(config, classes)
    form.begin()
    for prediction in predictions(source, images, damage):
        found.append(prediction)
        form.add(prediction)
    confusion = confusion_of(found, classes)
    test = measured(confusion) if confusion.any() else None
    mistakes = surest_mistakes(found)
    if mistakes:
        with _usable(config.sheet), staged(config.sheet) as aside:
            contact_sheet.draw(mistakes, aside)
    form.end(test, config.sheet if mistakes else None)
    if damage:
        many = "s" * (len(damage) > 1)
        raise UserError(
            f"{len(damage)} file{many} not read, all others are above: "
            + ", ".join(damage)
        )


def predictions(source, images, damage):
    """Yields a `Prediction` for each readable image.

    The names of the others go to the list `damage`.
    """
    shown = reader(source.image_shape, source.crop)

    @tf.function(reduce_retracing=True, autograph=False)
    def shares(pixels):
        pixels = in_units_of(pixels, source.mean, source.std)
        outputs = logits_of(source.network(pixels, training=False))
        return tf.nn.softmax(tf.cast(outputs, tf.float32))

    def read(image):
        try:
            return shown(image.path)
        except (OSError, tf.errors.OpError) as error:
            return _why(error)

    with ThreadPoolExecutor() as threads:
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            pixels = list(threads.map(read, batch))
            damage += [
                readable(image.path) + pixel
                for image, pixel in zip(batch, pixels, strict=True)
                if isinstance(pixel, str)
            ]
            pairs = [
                pair
                for pair in zip(batch, pixels, strict=True)
                if not isinstance(pair[1], str)
            ]
            if not pairs:
                continue
            rows = shares(np.stack([pixel for _, pixel in pairs])).numpy()
            for (image, _), row in zip(pairs, rows, strict=True):
                yield Prediction(image, row, source.classes)


def reader(shape, crop):
    """A function of a path to float32 pixels (H, W, C), 0..255."""

    @tf.function(
        input_signature=[tf.TensorSpec((), tf.string)], autograph=False
    )
    def decode(content):
        return evaluation.evaluation_image(content, shape, crop)

    # Traced here: threads that meet an untraced function trace one each.
    traced = decode.get_concrete_function()
    return lambda path: traced(tf.constant(formats.read(path))).numpy()


def _why(error):
    """The reason to add to the name of an unreadable file."""
    return fault(error) or " (not an image that can be read)"


def confusion_of(found, classes):
    """Counts (classes, classes) of the labelled images, row true."""
    places = {name: place for place, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), np.int64)
    for one in found:
        if one.image.label is not None:
            counts[places[one.image.label], places[one.named]] += 1
    return counts


def surest_mistakes(found, count=contact_sheet.MOST):
    """The wrong predictions of the largest probabilities, in that order."""
    wrong = [one for one in found if one.is_mistake]
    return sorted(wrong, key=lambda one: -one.probability)[:count]


@contextlib.contextmanager
def _usable(path):
    try:
        yield
    except OSError as error:
        raise UserError(f"--sheet={path}: {error.strerror}") from None
