"""Checks of a file's fields on a network and its images."""

from math import isfinite

from tfnas.errors import UserError


def check(values, where, remedy, fields=None):
    """Refuse the first value that its field does not allow.

    `fields` are {name: (description, test)}, `FIELDS` by default; `where`, the
    file, and `remedy` are for the message.
    """
    for name, value in values.items():
        what, fits = (fields or FIELDS)[name]
        if not fits(value):
            raise UserError(
                f"{where}: {name}={repr(value)[:60]} is not {what}; {remedy}"
            )
    for name in ("mean", "std"):
        if name in values and len(values[name]) != values["image_shape"][-1]:
            raise UserError(
                f"{where}: {name} needs one value per channel; {remedy}"
            )


# === Tests of a value ===


def text(value):
    """Whether it is text of bounded length."""
    return isinstance(value, str) and 0 < len(value) <= 4000


def count(value):
    """Whether it is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def number(value):
    """Whether it is a finite number."""
    kinds = isinstance(value, int | float) and not isinstance(value, bool)
    return kinds and isfinite(value)


def not_negative(value):
    """Whether it is a number from 0 up."""
    return number(value) and value >= 0


def positive(value):
    """Whether it is a number above 0."""
    return number(value) and value > 0


def list_of(test, lengths):
    """A test of a list of so many items that each pass a test."""

    def fits(value):
        right = isinstance(value, list | tuple) and len(value) in lengths
        return right and all(test(item) for item in value)

    return fits


def record(**tests):
    """A test of an object that has at least these fields."""

    def fits(value):
        return isinstance(value, dict) and all(
            name in value and test(value[name]) for name, test in tests.items()
        )

    return fits


FIELDS = {
    "image_shape": ("[height, width, 1 or 3]", list_of(count, (3,))),
    "mean": ("a list of numbers", list_of(number, (1, 3))),
    "std": ("a list of numbers above 0", list_of(positive, (1, 3))),
    "classes": ("two names or more", list_of(text, range(2, 100_000))),
    "channels": ("a whole number above 0", count),
    "cells": ("a whole number above 0", count),
    "stem": ("cifar or imagenet", ("cifar", "imagenet").__contains__),
}
