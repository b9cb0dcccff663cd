"""Measures of a test on classes of different sizes."""

import dataclasses

import numpy as np

from tfnas.report import interval, markup


@dataclasses.dataclass(frozen=True)
class Measures:
    """Measures of a test's images, shares of 1.

    Attributes:
        images: number of images.
        correct: number of images classified correctly.
        balanced_accuracy: the mean recall of the classes with images.
        macro_f1: the mean F1 of the classes that have images or are predicted.
        majority_share: the accuracy of always predicting the most frequent
            class, which a network must beat.
        majority: that class's number.
    """

    images: int
    correct: int
    balanced_accuracy: float
    macro_f1: float
    majority_share: float
    majority: int

    @property
    def accuracy(self):
        return self.correct / self.images

    @property
    def beats_majority(self):
        """Whether the accuracy's interval is above the majority's share."""
        return interval.wilson(self.correct, self.images)[0] > (
            self.majority_share
        )

    def values(self):
        """The shares that a file records besides the accuracy."""
        names = ("balanced_accuracy", "macro_f1", "majority_share")
        return {name: getattr(self, name) for name in names}

    def line(self):
        """The three in one line of words."""
        return (
            f"balanced accuracy {markup.percent(self.balanced_accuracy)}, "
            f"macro-F1 {self.macro_f1:.3f}; always predicting the most "
            f"frequent class gets {markup.percent(self.majority_share)}"
        )


def measured(confusion):
    """The `Measures` of counts (classes, classes), row true, column named."""
    confusion = np.asarray(confusion)
    right, true = np.diag(confusion), confusion.sum(1)
    both = true + confusion.sum(0)
    images = int(true.sum())
    return Measures(
        images=images,
        correct=int(right.sum()),
        balanced_accuracy=_mean(right, true),
        macro_f1=_mean(2 * right, both),
        majority_share=float(true.max() / images),
        majority=int(true.argmax()),
    )


def _mean(parts, wholes):
    """The mean of the shares that are defined."""
    there = wholes > 0
    return float((parts[there] / wholes[there]).mean())
