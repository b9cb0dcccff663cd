"""The plain implementation against the authors' code, in float64."""

import numpy as np
import pytest
from reference import BaselineSearch, BaselineSupernet

RECORD = "darts_search_C4_L3.npz"
# The record keeps weights and their gradients in single precision.
FLOAT32 = {"rtol": 1e-6, "atol": 1e-7}


def weights(record):
    """The authors' parameters and buffers at the start of the record."""
    return {
        key.partition("/")[2]: value
        for key, value in record.items()
        if key.startswith(("param/", "buffer/"))
    }


def batch(record, half):
    images = record[f"x_{half}"].transpose(0, 2, 3, 1).astype("float64")
    return images, record[f"y_{half}"]


def count(model):
    return sum(
        w.variable.value.shape.num_elements()
        for w in model.parameters().values()
    )


@pytest.fixture(scope="module")
def supernet():
    return BaselineSupernet(channels=4, cells=3, dtype="float64")


@pytest.fixture
def record(golden):
    return golden(RECORD)


@pytest.fixture
def model(supernet, record):
    """The supernet in the state in which the record starts."""
    alphas = {k: record[k] for k in ("alphas_normal", "alphas_reduce")}
    supernet.load_authors(weights(record) | alphas)
    return supernet


def test_logits_with_given_statistics(model, record):
    images, _ = batch(record, "train")
    np.testing.assert_allclose(
        model(images, training=False),
        record["eval_logits_initial_running_stats"],
        rtol=0,
        atol=1e-10,
    )


def test_logits_with_the_statistics_of_the_batch(model, record):
    images, _ = batch(record, "train")
    np.testing.assert_allclose(
        model(images, training=True), record["train_logits"], rtol=0, atol=1e-10
    )


def test_alpha_gradient(model, record):
    gradients = model.alpha_gradients(*batch(record, "valid"))
    for kind in ("normal", "reduce"):
        np.testing.assert_allclose(
            gradients[f"alphas_{kind}"],
            record[f"grad1_{kind}"],
            rtol=1e-8,
            atol=1e-12,
        )


def test_weight_gradient(model, record):
    gradients = model.weight_gradients(*batch(record, "train"))
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients.values()))
    np.testing.assert_allclose(norm, record["train_grad_w_norm"], rtol=1e-10)
    for name, actual in gradients.items():
        expected = record[f"train_grad_w/{name}"]
        np.testing.assert_allclose(actual, expected, **FLOAT32)


def test_moving_means(model, record):
    model(batch(record, "train")[0], training=True)
    for name, weight in model.weights_by_name().items():
        if name.endswith("running_mean"):
            expected = record[f"buffer_after_1_train_forward/{name}"]
            np.testing.assert_allclose(weight.variable, expected, **FLOAT32)


# Every day test_bilevel.py has a step of it beside one of ours, whose steps are
# held against the same record.
@pytest.mark.slow
def test_two_search_steps(model, record):
    step = BaselineSearch(model).step.python_function  # spares the tracing
    batches = batch(record, "train"), batch(record, "valid")
    for number in (1, 2):
        result = step(*batches)
        after = f"step1_after{number}"
        for actual, expected in (
            (result["train_loss"], "train_loss_in_step"),
            (result["train_weight_norm"], "grad_norm_before_clip"),
            (model.alphas_normal, "alphas_normal"),
            (model.alphas_reduce, "alphas_reduce"),
        ):
            expected = record[f"{after}/{expected}"]
            np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10)
    for name, weight in model.parameters().items():
        actual = np.transpose(weight.variable, weight.to_torch)
        expected = record[f"{after}/param/{name}"]
        np.testing.assert_allclose(actual, expected, **FLOAT32)


@pytest.mark.slow
def test_the_traced_step_is_the_eager_one():
    model = BaselineSupernet(channels=2, cells=3, nodes=1, dtype="float64")
    start = model.get_weights()
    generator = np.random.default_rng(0)
    images = generator.normal(size=(2, 4, 8, 8, 3))
    train, valid = [(half, np.arange(4)) for half in images]
    ends = []
    for traced in (True, False):
        model.set_weights(start)
        step = BaselineSearch(model).step
        step = step if traced else step.python_function
        for _ in range(2):
            step(train, valid)
        ends.append(model.get_weights())
    for actual, expected in zip(*ends, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10)


def test_parameters_are_counted_as_by_the_authors(supernet):
    assert count(supernet) == 72_854


@pytest.mark.slow
def test_parameters_of_the_published_supernet():
    assert count(BaselineSupernet()) == 1_930_618


def test_odd_maps_are_halved_upwards():
    model = BaselineSupernet(
        classes=3, channels=2, cells=3, nodes=1, in_channels=1
    )
    logits = model(np.ones((2, 13, 10, 1), "float32"), training=True)
    assert logits.shape == (2, 3)
    assert np.isfinite(logits).all()


def test_missing_and_unknown_names_are_refused(supernet, record):
    arrays = weights(record)
    arrays["classifier.wait"] = arrays.pop("classifier.weight")
    with pytest.raises(ValueError, match=r"classifier\.weight.*classifier\.w"):
        supernet.load_authors(arrays)
