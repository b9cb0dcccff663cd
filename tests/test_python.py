"""Searches and trainings from Python: twice, and nothing stays behind."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from parity import untraced
from published import published
from small_runs import GIVEN
from tensorflow.python.util import _pywrap_determinism

import tfnas
from tfnas.bilevel import batches
from tfnas.errors import UserError
from tfnas.runs.called import called
from tfnas.search import SearchConfig
from tfnas.zoo import genotype

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (48, 8, 8)).astype("uint8")
LABELS = np.arange(48) % 2
SMALL = {k: v for k, v in GIVEN.items() if k != "train_images"} | {"epochs": 1}


def process():
    """What a run sets in a process."""
    return {
        "python": random.getstate(),
        "numpy": str(np.random.get_state()),
        "determinism": _pywrap_determinism.is_enabled(),
        "policy": keras.config.dtype_policy().name,
        "grappler": tf.config.optimizer.get_experimental_options().get(
            "disable_meta_optimizer", False
        ),
    }


@pytest.fixture
def own_policy():
    """Keras in a state of somebody's own."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


def test_two_searches_and_a_training_leave_the_process_alone(
    own_policy, tmp_path, capsys
):
    keras.utils.set_random_seed(7)
    drawn = [float(tf.random.uniform(())) for _ in range(2)]
    keras.utils.set_random_seed(7)
    assert tf.random.uniform(()) == drawn[0]
    before = process()
    batched = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(5)
    one, two = (
        tfnas.run_search(data, **SMALL, out=tmp_path / name)
        for name, data in (("one", (IMAGES, LABELS)), ("two", batched))
    )
    assert process() == before
    assert tf.random.uniform(()) == drawn[1]
    assert one.genotype.cells == two.genotype.cells
    assert one.folder == tmp_path / "one"
    assert one.history["train_loss"].shape == (1,)
    assert np.array_equal(one.history["train_loss"], two.history["train_loss"])
    assert (one.folder / "report.html").is_file()

    trained = tfnas.run_training(
        one.genotype,
        (IMAGES, LABELS),
        test=(IMAGES[:9], LABELS[:9]),
        classes=["cat", "dog"],
        **{"channels": 2, "cells": 3, "epochs": 1, "batch_size": 16},
        out=str(tmp_path / "trained"),
    )
    assert process() == before
    assert trained.network.classes == ("cat", "dog")
    images = IMAGES[:9, ..., None].astype("float32")
    found = trained.network.predict(images, verbose=0).argmax(-1)
    assert trained.accuracy == np.mean(found == LABELS[:9])
    assert trained.history["train_loss"].shape == (1,)
    # What it says to do next can be done.
    said = capsys.readouterr().out
    assert "Report: " in said
    from tfnas.runs.reading import read_run

    next_command = read_run(one.folder).summary["next_command"]
    assert next_command.startswith("tfnas.run_training(")


# === What a call may be given ===

CONFIGS = (SearchConfig, SearchConfig.VALUES)


def flags_of(data, **given):
    with called(CONFIGS, data, given) as (flags, dataset):
        return flags, dataset


def test_a_folder_is_an_image_folder(tmp_path):
    flags, dataset = flags_of(tmp_path, epochs=3)
    expected = {"dataset": "image_folder", "data_dir": str(tmp_path)}
    assert flags == {**expected, "epochs": 3}
    assert dataset is None


def test_flags_are_those_of_the_command():
    assert flags_of(None, cells=[5, 8], resume=True, out=None) == (
        {"cells": (5, 8), "resume": True},
        None,
    )


@pytest.mark.parametrize(
    ("data", "given", "words"),
    [
        (None, {"epoch": 3}, "--epoch: no such flag; did you mean --epochs?"),
        (None, {"epochs": "x"}, "--epochs=x: give a whole number"),
        (None, {"tune": 3}, "--tune: works only on the command line"),
        ("folder", {"dataset": "digits"}, "--dataset: leave it out"),
        ((IMAGES, LABELS), {"data_dir": "x"}, "--data_dir: leave it out"),
    ],
)
def test_other_flags_are_refused_as_by_the_command(data, given, words):
    with pytest.raises(UserError) as error:
        flags_of(data, **given)
    assert str(error.value).startswith(words)


def test_names_are_for_arrays():
    with pytest.raises(UserError, match="classes: is for arrays"):
        tfnas.run_search(classes=("a", "b"))


def test_a_genotype_may_be_a_name():
    small = {"channels": 2, "cells": 3, "input_shape": (8, 8, 1)}
    named = tfnas.build_network("DARTS_V2", **small)
    built = tfnas.build_network(published("DARTS_V2"), **small)
    assert named.count_params() == built.count_params()
    assert genotype("DARTS_V2").normal == published("DARTS_V2").normal
    with pytest.raises(UserError, match="did you mean DARTS_V2?"):
        tfnas.build_network("darts-v2")


# === BilevelSearch with fit ===


@pytest.fixture(scope="module")
def search():
    supernet = tfnas.Supernet(
        "darts",
        input_shape=(8, 8, 1),
        channels=2,
        cells=3,
        nodes=1,
        operations=("max_pool_3x3", "skip_connect"),
        classes=2,
    )
    return tfnas.BilevelSearch(untraced(supernet))


X, Y = np.zeros((4, 8, 8, 1), "float32"), np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": X, "y": Y}, "give pairs of batches"),
        ({"x": tf.data.Dataset.from_tensors((X, Y))}, "give pairs of batches"),
        ({"x": X, "class_weight": {0: 2.0}}, "class_weight=): a search weighs"),
        ({"x": X, "sample_weight": Y}, "sample_weight=): a search weighs"),
        (
            {"x": tf.data.Dataset.from_tensors(((X, Y, Y), (X, Y, Y)))},
            "a batch has 3 parts",
        ),
        (
            {
                "x": tf.data.Dataset.from_tensors(((X, Y), (X, Y))),
                "callbacks": [keras.callbacks.ModelCheckpoint("x.keras")],
            },
            "save_weights_only=True",
        ),
    ],
)
def test_what_a_search_cannot_be_fitted_on_is_one_sentence(
    search, arguments, words
):
    with pytest.raises(UserError) as error:
        search.fit(**arguments, verbose=0, shuffle=False)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_it_is_not_saved_whole(search, tmp_path):
    with pytest.raises(UserError, match="save_weights_only=True"):
        search.save(tmp_path / "x.keras")


def test_one_hot_labels_are_class_numbers():
    for labels in (np.eye(2)[Y], Y[:, None], Y):
        _, found = batches.labelled((X, labels))
        assert np.array_equal(found, Y)


def test_it_fits_one_hot_labels_and_keeps_its_weights(search, tmp_path):
    path = tmp_path / "search.weights.h5"
    keeper = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
    half = (X, np.eye(2, dtype="float32")[Y])
    data = tf.data.Dataset.from_tensors((half, half))
    history = search.fit(data, callbacks=[keeper], verbose=0, shuffle=False)
    assert np.isfinite(history.history["loss"]).all()
    alphas = [v.numpy() for v in search.supernet.architecture.values()]
    for variable in search.supernet.architecture.values():
        variable.assign(variable * 0)
    search.load_weights(path)
    for variable, kept in zip(
        search.supernet.architecture.values(), alphas, strict=True
    ):
        assert np.array_equal(variable, kept)
