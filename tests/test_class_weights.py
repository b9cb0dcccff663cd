"""Uneven classes: in the losses, and in what a report says."""

import json

import keras
import numpy as np
import pytest
import small_runs
import tensorflow as tf
from sklearn import metrics
from sklearn.dummy import DummyClassifier
from sklearn.utils import class_weight
from trained_runs import write_training

from tfnas import methods, search, train
from tfnas.bilevel.class_weights import class_weights
from tfnas.bilevel.hessian import AlphaHessian
from tfnas.bilevel.search import BilevelSearch
from tfnas.bilevel.supervised import SupervisedTraining
from tfnas.networks.darts.supernet import Supernet
from tfnas.report import interval, write_report
from tfnas.report.measures import measured
from tfnas.train import run as train_run
from tfnas.train.recipe import Recipe

UNEVEN = [0] * 90 + [1] * 8 + [3] * 2  # and none of class 2


def test_balanced_weights_are_those_of_scikit_learn():
    found = class_weights("balanced", UNEVEN, 4)
    classes = np.unique(UNEVEN)
    expected = class_weight.compute_class_weight(
        "balanced", classes=classes, y=UNEVEN
    )
    np.testing.assert_allclose(found[classes], expected)
    assert found[2] == 0
    assert found[UNEVEN].mean() == pytest.approx(1)
    assert class_weights("none", UNEVEN, 4) is None


# === The losses ===


def linear(outputs=("logits",)):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5,))
    heads = {name: keras.layers.Dense(3)(inputs) for name in outputs}
    return keras.Model(inputs, heads)


def test_a_weighted_step_of_a_training_is_that_of_keras():
    random = np.random.default_rng(0)
    images = random.normal(size=(8, 5)).astype("f4")
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 2])
    weights = class_weights("balanced", labels, 3)
    network = linear()
    other = keras.Model(network.input, network.output["logits"])
    other = keras.models.clone_model(other)
    other.set_weights(network.get_weights())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    other.compile(keras.optimizers.SGD(0.1), loss=loss, jit_compile=False)
    of_keras = dict(enumerate(weights))
    expected = other.train_on_batch(images, labels, class_weight=of_keras)

    recipe = Recipe(
        learning_rate=0.1, momentum=0.0, weight_decay=0.0, gradient_clip=99.0
    )
    training = SupervisedTraining(network, recipe, weights)
    logs = training.train_step((images, labels))
    assert float(logs["loss"]) == pytest.approx(float(expected), rel=1e-6)
    for one, two in zip(
        network.get_weights(), other.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_all_losses_of_a_training_weigh_the_classes(smoothing):
    """A class of weight m counts as m of its images do."""
    random = np.random.default_rng(1)
    images = random.normal(size=(4, 5)).astype("f4")
    labels = np.array([0, 0, 0, 1])
    repeated = [0, 1, 2, 3, 3, 3]
    recipe = Recipe(gradient_clip=0.5, label_smoothing=smoothing)
    after = []
    for weights, places in (
        (class_weights("balanced", labels, 3), range(4)),
        (None, repeated),
    ):
        network = linear(("logits", "auxiliary"))
        training = SupervisedTraining(network, recipe, weights)
        places = list(places)
        training.train_step((images[places], labels[places]))
        after.append(np.concatenate([v.ravel() for v in network.get_weights()]))
    np.testing.assert_allclose(*after, rtol=1e-5, atol=1e-7)


class Pixels(Supernet):
    """Without batch norms: an image does not see the others of its batch."""

    def build(self, input_shape):
        self.build_architecture()
        self.head = keras.layers.Dense(self.classes)
        self.head.build((None, 16))
        self.built = True

    def call(self, images, training=False, seed=(0, 0), radius=None):
        kinds = self.relaxed(seed, radius).values()
        shares = tf.concat([own["alphas"] for own in kinds], 0)
        scale = tf.reduce_sum(shares * tf.constant([0.5, 1.0]))
        return self.head(keras.ops.reshape(images, (-1, 16)) * scale)


def toy(**flags):
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    small = {"operations": ("max_pool_3x3", "skip_connect"), "nodes": 1}
    method = methods.get("darts").with_flags({**small, "cells": (3,), **flags})
    return Pixels(method, input_shape=(4, 4, 1), classes=3)


IMAGES = np.random.default_rng(2).normal(size=(2, 4, 4, 4, 1)).astype("f4")
LABELS = np.array([0, 0, 0, 1])


def halves(places):
    return tuple((half[places], LABELS[places]) for half in IMAGES)


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"order": 2, "second_order": "exact"},
        {"order": 2, "second_order": "finite_difference"},
    ],
)
def test_both_losses_of_a_search_weigh_the_classes(flags):
    after = []
    whole, repeated = [0, 1, 2, 3], [0, 1, 2, 3, 3, 3]
    balanced = class_weights("balanced", LABELS, 3)
    for weights, places in (
        (balanced, whole),
        (None, repeated),
        (None, whole),
    ):
        supernet = toy(**flags)
        model = BilevelSearch(supernet, class_weights=weights)
        logs = [model.train_step(halves(places)) for _ in range(2)][-1]
        values = [v.numpy().ravel() for v in supernet.variables]
        losses = [float(logs[name]) for name in ("loss", "alpha_loss")]
        after.append(np.concatenate([*values, losses]))
    np.testing.assert_allclose(*after[:2], rtol=1e-4, atol=1e-6)
    assert not np.isclose(after[0], after[2], rtol=1e-3).all()


def test_the_eigenvalue_is_of_the_loss_that_alpha_descends():
    weights = class_weights("balanced", LABELS, 3)
    found = []
    for own, places in ((weights, [0, 1, 2, 3]), (None, [0, 1, 2, 3, 3, 3])):
        supernet, batch = toy(), halves(places)[1]
        vector = np.ones(
            sum(
                v.value.shape.num_elements()
                for v in supernet.architecture.values()
            )
        )
        found.append(AlphaHessian(supernet, batch, own).product(vector))
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-7)


def test_the_loss_of_a_test_weighs_all_images_alike():
    batch = halves([0, 1, 2, 3])[0]
    weights = class_weights("balanced", LABELS, 3)
    losses = []
    for own in (weights, None):
        model = BilevelSearch(toy(), class_weights=own)
        losses.append(float(model.test_step(batch)["loss"]))
    assert losses[0] == losses[1]


# === The flag ===


class Stop(Exception):
    pass


@pytest.mark.parametrize("rule", ["none", "balanced"])
@pytest.mark.parametrize("kind", ["train", "search"])
def test_a_command_weighs_by_its_training_images(
    kind, rule, tmp_path, monkeypatch
):
    from tfnas.search import run as search_run

    def stop(*arguments, **_):
        raise Stop(arguments[2])

    common = {"class_weights": rule, "train_images": 50, "halves": "index"}
    if kind == "train":
        monkeypatch.setattr(train_run, "SupervisedTraining", stop)
        small = {"genotype": "tests/small_genotype.json", "channels": 2}
        given = {**small, **common, "valid_images": 10, "deterministic": False}
        given |= {"out": str(tmp_path / "run")}
        with pytest.raises(Stop) as stopped:
            train_run.train(*train.resolve(given), argv=["train"])
        used = 40
    else:
        monkeypatch.setattr(search_run, "BilevelSearch", stop)
        with pytest.raises(Stop) as stopped:
            small_runs.search_here(tmp_path / "run", **common)
        used = 50
    from tfnas import data

    labels = data.load("digits").train.labels[:used]
    expected = class_weights(rule, labels, 10)
    np.testing.assert_array_equal(stopped.value.args[0], expected)


def test_a_run_of_before_goes_on_without_weights():
    """Its config.json has no such key; another value than none is noted."""
    for resolve, given in (
        (search.resolve, {}),
        (train.resolve, {"genotype": "DARTS_V2"}),
    ):
        config, *values = resolve(given)
        assert "class_weights" not in config.decisive(*values)["config"]
        config, *values = resolve({**given, "class_weights": "balanced"})
        noted = config.decisive(*values)["config"]
        assert noted["class_weights"] == "balanced"


def test_the_next_command_weighs_as_the_search_did():
    from tfnas.runs.summary import next_command

    for rule in ("none", "balanced"):
        config, _ = search.resolve({"class_weights": rule})
        words = next_command(config, "runs/x").split()
        assert ("--class_weights=balanced" in words) == (rule == "balanced")
        assert "--class_weights=none" not in words


# === The numbers ===


def pairs(confusion):
    """(true, named) of every image of a confusion."""
    true, named = np.nonzero(confusion)
    counts = confusion[true, named]
    return np.repeat(true, counts), np.repeat(named, counts)


CONFUSIONS = {
    "uneven": [[85, 5, 0], [6, 2, 0], [2, 0, 0]],
    "a class without images": [[5, 1, 2], [0, 0, 0], [1, 0, 4]],
    "a class that is never there nor named": [[5, 0, 2], [0, 0, 0], [1, 0, 4]],
    "all right": [[20, 0], [0, 1]],
}


@pytest.mark.parametrize("name", CONFUSIONS)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_measures_are_those_of_scikit_learn(name):
    confusion = np.array(CONFUSIONS[name])
    true, named = pairs(confusion)
    found = measured(confusion)
    assert found.accuracy == metrics.accuracy_score(true, named)
    assert found.balanced_accuracy == pytest.approx(
        metrics.balanced_accuracy_score(true, named)
    )
    assert found.macro_f1 == pytest.approx(
        metrics.f1_score(true, named, average="macro", zero_division=0)
    )
    nothing = np.zeros((len(true), 1))
    dummy = DummyClassifier(strategy="most_frequent").fit(nothing, true)
    assert found.majority_share == pytest.approx(dummy.score(nothing, true))


@pytest.mark.parametrize(
    ("right", "total", "words"),
    [
        (20, 20, "20 of 20: 84 to 100 %"),
        (0, 3, "0 of 3: 0 to 56 %"),
        (350, 360, "350 of 360: 95.0 to 98.5 %"),
        (9261, 10_000, "9,261 of 10,000: 92.1 to 93.1 %"),
    ],
)
def test_counts_have_their_interval(right, total, words):
    assert interval.counted(right, total) == words


@pytest.mark.parametrize(
    ("confusion", "words"),
    [
        ([[85, 5, 0], [6, 2, 0], [2, 0, 0]], "not surely more than the 90.0 %"),
        ([[20, 0], [0, 20]], "That is more than the 50.0 %"),
    ],
)
def test_the_page_of_a_training_has_the_line_to_beat(
    confusion, words, tmp_path
):
    folder = write_training(tmp_path / "run", confusion)
    page = write_report(folder).read_text(encoding="utf-8")
    found = measured(confusion)
    assert words in page
    assert interval.counted(found.correct, found.images) in page
    assert f"<dd>{100 * found.balanced_accuracy:.1f} %" in page
    assert f"<dd>{found.macro_f1:.3f}" in page
    # Of every class too.
    for true, row in enumerate(confusion):
        assert interval.counted(row[true], sum(row)) in page


def test_a_finished_training_records_the_measures(tiny):
    summary = json.loads((tiny.run / "summary.json").read_text())
    text = (tiny.run / "confusion.csv").read_text().splitlines()[1:]
    counts = np.array([[int(n) for n in x.split(",")[1:]] for x in text])
    for name, value in measured(counts).values().items():
        assert summary[name] == value
