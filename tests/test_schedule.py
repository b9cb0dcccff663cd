"""The schedules against the authors' values and known points."""

import math

import numpy as np
import pytest

from tfnas import schedule
from tfnas.errors import UserError


@pytest.mark.parametrize("initial", [0.1, 0.4, 0.7])
def test_skip_dropout_is_the_authors(golden, initial):
    reference = golden("pdarts_dropout_schedule.json")
    stage = schedule.Stage(
        cells=11,
        operations_kept=5,
        epochs=reference["stage_epochs"],
        warmup_epochs=reference["frozen"],
        skip_dropout=initial,
    )
    rates = [schedule.skip_dropout(e, stage) for e in range(stage.epochs)]
    expected = initial * np.array(reference["p_over_p0"])
    np.testing.assert_allclose(rates, expected, rtol=1e-14)


def test_warmup_freezes_exactly_the_first_epochs():
    stage = schedule.Stage(5, 8, epochs=4, warmup_epochs=2)
    frozen = [schedule.is_warmup(epoch, stage) for epoch in range(4)]
    assert frozen == [True, True, False, False]


def test_without_warmup_alpha_is_never_frozen():
    assert not schedule.is_warmup(0, schedule.Stage(8, 8, epochs=50))


def test_cosine_obeys_the_recursion_of_its_source():
    """PyTorch's scheduler computes the next rate from the one before."""
    rate, low, epochs = 0.025, 0.001, 50
    for epoch in range(epochs):
        assert schedule.cosine(epoch, epochs, 0.025, low) == pytest.approx(rate)
        after, now = (
            math.cos(math.pi * e / epochs) for e in (epoch + 1, epoch)
        )
        rate = (1 + after) / (1 + now) * (rate - low) + low
    assert rate == pytest.approx(low)


def test_cosine_does_not_reach_its_minimum_in_the_last_epoch():
    assert 0.001 < schedule.cosine(49, 50, 0.025, 0.001) < 0.00103


@pytest.mark.parametrize(
    ("function", "first", "middle", "limit"),
    [
        (schedule.linear_decay, 1, 0.5, 0),
        (schedule.perturbation, 0.03, 0.165, 0.3),
    ],
)
def test_linear_schedules(function, first, middle, limit):
    assert function(0, 50) == first
    assert function(25, 50) == pytest.approx(middle)
    assert function(50, 50) == pytest.approx(limit)


@pytest.mark.parametrize("epochs", [2, 50])
def test_the_temperature_is_final_in_the_last_epoch(epochs):
    taus = [schedule.temperature(epoch, epochs) for epoch in range(epochs)]
    assert taus == pytest.approx(np.linspace(10, 0.1, epochs))
    assert schedule.temperature(0, 1, 5.0, 1.0) == 5.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cells", 0),
        ("operations_kept", 0),
        ("epochs", 0),
        ("warmup_epochs", -1),
        ("skip_dropout", 1.0),
        ("partial_channels", 0),
    ],
)
def test_a_stage_names_the_field_that_is_out_of_range(field, value):
    good = {"cells": 5, "operations_kept": 8, "epochs": 25}
    with pytest.raises(UserError, match=f"^{field}="):
        schedule.Stage(**good | {field: value})
