"""What nobody typed gives way to what was typed, and only that."""

import pytest

from tfnas import baseline, search, train
from tfnas.errors import UserError
from tfnas.train import Recipe

TRAIN = {"genotype": "DARTS_V2"}


@pytest.mark.parametrize("preset", ["quick", "small"])
def test_a_preset_s_warm_up_gives_way_to_one_epoch(preset):
    _, recipe, _ = train.resolve({**TRAIN, "preset": preset, "epochs": 1})
    assert (recipe.epochs, recipe.warmup_epochs) == (1, 0)


def test_a_baseline_s_warm_up_gives_way_too():
    _, recipe = baseline.config.resolve({"epochs": 1})
    assert (recipe.epochs, recipe.warmup_epochs) == (1, 0)


@pytest.mark.parametrize("preset", ["quick", "fast"])
def test_imagenet_s_crops_leave_no_cutout_and_no_other_crop(preset):
    given = {**TRAIN, "preset": preset, "augmentation": "imagenet"}
    _, recipe, _ = train.resolve(given)
    found = (recipe.cutout, recipe.flips, recipe.crop_padding)
    assert found == (0, "random", None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"method": "pdarts", "epochs": 1}, {"warmup_epochs": 0}),
        ({"method": "pc_darts", "epochs": 3}, {"warmup_epochs": 1}),
        (
            {"method": "darts", "learning_rate": 1e-4},
            {"learning_rate_min": 1e-4},
        ),
        (
            {"method": "pdarts", "cells": (5,)},
            {"operations_kept": (), "skip_dropout": (0.0,)},
        ),
        (
            {"method": "pdarts", "cells": (9,), "space": "nasbench201"},
            {"operations_kept": ()},
        ),
    ],
)
def test_a_method_s_values_give_way(given, expected):
    _, method = search.resolve({"preset": "paper", **given})
    assert {name: getattr(method, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("resolve", "given"),
    [
        (train.resolve, {**TRAIN, "epochs": 1, "warmup_epochs": 1}),
        (train.resolve, {**TRAIN, "augmentation": "imagenet", "cutout": 4}),
        (search.resolve, {"epochs": 3, "warmup_epochs": 3}),
        (search.resolve, {"learning_rate": 0.1, "learning_rate_min": 0.2}),
    ],
)
def test_what_was_typed_does_not(resolve, given):
    with pytest.raises(UserError):
        resolve(given)


def test_nothing_else_gives_way():
    preset = Recipe.preset("quick")
    assert preset.typed_over({"epochs": 2}).warmup_epochs == 1
    assert preset.typed_over({}) == preset
    _, longer = search.resolve({"method": "pdarts", "epochs": 20})
    _, usual = search.resolve({"method": "pdarts"})
    assert longer.warmup_epochs == usual.warmup_epochs
