"""Recipes: the papers' values, and schedules beside a second form of them."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from tfnas.errors import UserError
from tfnas.train import recipe
from tfnas.train.recipe import Recipe


def test_the_paper_s_preset_is_the_authors_recipe():
    assert Recipe.preset("paper").values() == {
        "channels": 36,
        "cells": 20,
        "stem": "cifar",
        "epochs": 600,
        "batch_size": 96,
        "halves": "index",
        "learning_rate": 0.025,
        "schedule": "cosine",
        "learning_rate_decay": 0.97,
        "warmup_epochs": 0,
        "momentum": 0.9,
        "nesterov": False,
        "average_weights": 0.0,
        "norm_bias_rate": 1.0,
        "weight_decay": 3e-4,
        "gradient_clip": 5.0,
        "drop_path": 0.2,
        "whitening": False,
        "sizes": [],
        "auxiliary": 0.4,
        "cutout": None,  # half the image: 16 at 32 pixels
        "flips": "random",
        "crop_padding": None,
        "mixup": 0.0,
        "label_smoothing": 0.0,
        "test_views": 1,
        "augmentation": "cifar",
    }


def test_the_cosine_falls_to_zero_after_the_last_epoch():
    paper = Recipe.preset("paper")
    rates = [paper.rate_at(epoch) for epoch in range(600)]
    assert rates[0] == 0.025
    assert rates[300] == pytest.approx(0.0125)
    assert rates[200] == pytest.approx(0.025 * 0.75)
    assert 0 < rates[599] < 1e-6
    assert rates == sorted(rates, reverse=True)


def test_the_exponential_is_darts_s_imagenet_rate():
    rate, found = (
        0.1,
        Recipe(epochs=250, learning_rate=0.1, schedule="exponential"),
    )
    for epoch in range(250):
        assert found.rate_at(epoch) == pytest.approx(rate)
        rate *= 0.97


def authors_linear(rate, epochs, epoch):
    """P-DARTS's `adjust_lr` and warm-up, line by line."""
    if epochs - epoch > 5:
        current = rate * (epochs - 5 - epoch) / (epochs - 5)
    else:
        current = rate * (epochs - epoch) / ((epochs - 5) * 5)
    if epoch < 5:
        current = rate * (epoch + 1) / 5.0
    return current


def test_the_linear_rate_and_the_warm_up_are_pdarts_s():
    found = Recipe(
        epochs=250, learning_rate=0.5, schedule="linear", warmup_epochs=5
    )
    for epoch in range(250):
        expected = authors_linear(0.5, 250, epoch)
        assert found.rate_at(epoch) == pytest.approx(expected), epoch
    assert found.rate_at(0) == pytest.approx(0.1)
    assert found.rate_at(249) == pytest.approx(0.5 / 245 / 5)


def test_one_cycle_is_a_triangle_over_all_steps():
    """Page's `np.interp` over its corners, at the middle of each step."""
    found = Recipe(
        epochs=10, learning_rate=0.4, schedule="one_cycle", warmup_epochs=2
    )
    for epoch, step in itertools.product(range(10), range(7)):
        middle = epoch + (step + 0.5) / 7
        expected = np.interp(middle, [0, 2, 10], [0, 0.4, 0])
        assert found.rate_at(epoch, step, 7) == pytest.approx(expected)
    # The mean of an epoch's steps is what its history says.
    for epoch in range(10):
        mean = np.mean([found.rate_at(epoch, step, 7) for step in range(7)])
        assert found.rate_at(epoch) == pytest.approx(mean)
    falling = dataclasses.replace(found, warmup_epochs=0)
    assert falling.rate_at(0, 0, 1000) == pytest.approx(0.4, rel=1e-3)


@pytest.mark.parametrize("name", ["cosine", "exponential", "linear"])
def test_the_papers_rates_stay_within_an_epoch(name):
    found = Recipe(epochs=10, schedule=name, warmup_epochs=2)
    for epoch in range(10):
        assert found.rate_at(epoch, 5, 7) == found.rate_at(epoch)


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        (6, [(4, 3), (4, 3), (6, 4), (6, 4), None, None]),
        (4, [(4, 3), (6, 4), None, None]),
        (1, [None]),
    ],
)
def test_images_grow_in_equal_parts_and_end_whole(epochs, expected):
    found = Recipe(epochs=epochs, sizes=(0.5, 0.75, 1.0))
    sizes = [found.image_size_at(epoch, (8, 6, 3)) for epoch in range(epochs)]
    assert sizes == expected
    assert Recipe().image_size_at(0, (8, 6, 3)) is None


def test_drop_path_grows_linearly_and_never_reaches_its_largest_rate():
    paper = Recipe.preset("paper")
    assert paper.drop_path_at(0) == 0
    assert paper.drop_path_at(150) == pytest.approx(0.05)
    assert paper.drop_path_at(599) == pytest.approx(0.2 * 599 / 600)


@pytest.mark.parametrize("name", recipe.PRESETS)
def test_presets_are_legal_and_rates_finite(name):
    values = Recipe.preset(name)
    rates = [values.rate_at(epoch) for epoch in range(values.epochs)]
    assert all(math.isfinite(rate) and rate > 0 for rate in rates)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "--epochs=0: use 1 or more"),
        ({"cells": 2}, "--cells=2: use 3 or more"),
        ({"drop_path": 1.0}, "--drop_path=1.0: use a rate below 1"),
        ({"sizes": (0.5, 0.75)}, "--sizes=0.5,0.75: use shares above 0, the"),
        ({"sizes": (0.0, 1.0)}, "--sizes=0.0,1.0: use shares above 0, the"),
        ({"test_views": 3}, "--test_views=3: choose from 1, 2, 6"),
        (
            {"augmentation": "imagenet", "cutout": 0, "flips": "alternate"},
            "--flips=alternate: --augmentation=imagenet has its own",
        ),
        ({"average_weights": 1.0}, "--average_weights=1.0: use a rate below"),
        ({"label_smoothing": 1.5}, "--label_smoothing=1.5: use a rate below 1"),
        ({"learning_rate": math.inf}, "--learning_rate=inf: use a finite"),
        ({"epochs": 5, "warmup_epochs": 5}, "use fewer than --epochs=5"),
        ({"epochs": 5, "schedule": "linear"}, "use more than 5 --epochs"),
        ({"schedule": "step"}, "--schedule=step: choose from cosine"),
    ],
)
def test_a_value_that_cannot_be_is_named(values, message):
    with pytest.raises(UserError, match="^" + "--") as caught:
        Recipe().with_flags(values)
    assert message in str(caught.value)


def test_an_unknown_preset_is_refused():
    with pytest.raises(UserError, match="--preset=slow: choose from paper"):
        Recipe.preset("slow")
