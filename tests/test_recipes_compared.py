"""`examples/recipe.py`, which compares recipes, and the table that it made."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_digits
from test_tables import table

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def recipe():
    sys.path.append(str(ROOT / "examples"))
    import recipe

    sys.path.pop()
    return recipe


def rows(shares):
    """Lines of {recipe: right answers of 1,000, by seed}."""
    return [
        {"recipe": n, "seed": s, "right": r, "images": 1000, "minutes": 1}
        for n, values in shares.items()
        for s, r in enumerate(values)
    ]


def test_two_recipes_have_the_paired_t_interval(recipe):
    """With two recipes the two-way analysis is the paired one."""
    one, other = np.array([700, 720, 715]), np.array([720, 729, 740])
    found = recipe.table(rows({"small": one, "other": other}))
    low, high = stats.ttest_rel(other, one).confidence_interval(0.95)
    gain = (other - one).mean()
    expected = f"{gain / 10:+.1f} ({low / 10:+.1f} to {high / 10:+.1f})"
    assert found.splitlines()[-1] == f"| other | 73.0 | {expected} | 1.0 |"


def test_a_recipe_without_all_seeds_has_no_row(recipe):
    lines = rows({"small": [700, 710], "one": [720, 725], "late": [730]})
    assert "late" not in recipe.table(lines)


def test_images_to_judge_by_are_not_trained_on(recipe):
    labels = np.repeat(np.arange(10), 60)
    train, held = recipe.split(labels, 0, train=300, held=100)
    assert np.bincount(labels[train]).tolist() == [30] * 10
    assert np.bincount(labels[held]).tolist() == [10] * 10
    assert not {*train} & {*held}


@pytest.mark.slow
def test_recipes_are_trained_once_each(tmp_path, monkeypatch, recipe, capsys):
    monkeypatch.chdir(tmp_path)
    digits = load_digits()
    images = (16 * digits.images[..., None].repeat(3, -1)).clip(0, 255)
    np.savez("digits.npz", images=images.astype("uint8"), labels=digits.target)
    small = {"channels": 2, "cells": 3, "epochs": 1, "batch_size": 50}
    monkeypatch.setattr(recipe, "SMALL", {**small, "cutout": 0})
    named = {"small": {}, "whitening": {"whitening": True}}
    monkeypatch.setattr(recipe, "RECIPES", named)
    monkeypatch.setattr(recipe.split, "__defaults__", (100, 100))
    recipe.main("digits.npz", "out", [0, 1])
    found = recipe.read("out/recipe.csv")
    assert [row["recipe"] for row in found] == [*named] * 2
    capsys.readouterr()
    recipe.main("digits.npz", "out", [0, 1])
    assert capsys.readouterr().out == recipe.table(found) + "\n"


def test_the_manual_s_table_is_that_of_its_file(recipe):
    lines = recipe.read(ROOT / "docs" / "data" / "recipe.csv")
    assert table("recipe.md", "recipes") == recipe.table(lines)
