"""The rule for verdicts: intervals against tables, SciPy and counting."""

import itertools

import numpy as np
import pytest
from scipy import stats

from tfnas.compare import verdicts
from tfnas.compare.verdicts import (
    CONTRADICTS,
    LESS,
    MORE,
    SUPPORTS,
    UNDECIDED,
    judge,
)

RNG = np.random.default_rng(5)
SAMPLES = [
    (RNG.normal(1, 2, n), RNG.normal(0, 1, m)) for n, m in [(2, 3), (5, 4)]
]


# === The rule ===


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        # By the t table: half a width is 2.776 times the root of 2 / 3.
        ([93.0, 94.0, 95.0], [90.0, 91.0, 92.0], SUPPORTS),
        ([90.0, 91.0, 92.0], [93.0, 94.0, 95.0], CONTRADICTS),
        ([93.0, 94.0, 95.0], [91.0, 92.0, 93.0], UNDECIDED),
        # Far apart, but a single seed shows no spread, and equal ones none.
        ([99.0], [10.0, 11.0], UNDECIDED),
        ([99.0, 99.0, 99.0], [10.0, 10.0, 10.0], UNDECIDED),
        ([0.1 + 0.2, 0.3], [0.1, 0.1], UNDECIDED),
    ],
)
def test_only_an_interval_without_no_effect_decides(ours, theirs, says):
    found = judge(verdicts.difference, ours, theirs, direction=MORE)
    assert found.says == says
    assert found.n == (len(ours), len(theirs))
    other = judge(verdicts.difference, ours, theirs, direction=LESS).says
    opposite = {SUPPORTS: CONTRADICTS, CONTRADICTS: SUPPORTS}
    assert other == opposite.get(says, says)


def test_no_effect_need_not_be_0():
    # About as long: the ratio lies above 0, and on both sides of 1.
    hours = [1.0, 1.3, 0.8], [1.0, 1.1, 0.9]
    assert judge(verdicts.ratio, *hours, direction=MORE).says == UNDECIDED
    hours = [2.0, 2.1, 2.2], [1.0, 1.1, 0.9]
    assert judge(verdicts.ratio, *hours, direction=MORE).says == SUPPORTS
    assert judge(verdicts.ratio, *hours, direction=LESS).says == CONTRADICTS
    assert judge(verdicts.mean, [3, 4, 5], direction=MORE, none=4).says == (
        UNDECIDED
    )


def test_an_effect_is_written_with_its_interval():
    found = judge(
        verdicts.difference, [93, 94, 95], [90, 91, 92], direction=MORE
    )
    assert found.written("points") == "+3.00 points (+0.73 to +5.27)"
    alone = judge(verdicts.mean, [3], direction=MORE)
    assert alone.written("hours", sign="") == "3.00 hours (interval unknown)"


# === Means ===


@pytest.mark.parametrize(("ours", "theirs"), SAMPLES)
def test_welch_s_interval_is_scipy_s(ours, theirs):
    effect, ends = verdicts.difference(ours, theirs)
    test = stats.ttest_ind(ours, theirs, equal_var=False)
    assert ends == pytest.approx(tuple(test.confidence_interval(0.95)))
    assert effect == pytest.approx(np.mean(ours) - np.mean(theirs))


@pytest.mark.parametrize("values", [side for pair in SAMPLES for side in pair])
def test_student_s_interval_is_scipy_s(values):
    _, ends = verdicts.mean(values)
    test = stats.ttest_1samp(values, 0)
    assert ends == pytest.approx(tuple(test.confidence_interval(0.95)))


def test_a_ratio_does_not_depend_on_the_unit():
    ours, theirs = [2.0, 4.0, 3.0], [1.0, 1.5]
    effect, ends = verdicts.ratio(ours, theirs)
    assert effect == pytest.approx(24 ** (1 / 3) / 1.5**0.5)
    minutes = [[60 * v for v in side] for side in (ours, theirs)]
    assert verdicts.ratio(*minutes)[1] == pytest.approx(ends)
    turned = verdicts.ratio(theirs, ours)[1]
    assert turned == pytest.approx((1 / ends[1], 1 / ends[0]))


# === Shares ===


def answers(right, of):
    return [True] * right + [False] * (of - right)


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), 857, table I, method 5.
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ],
)
def test_a_share_s_interval_is_the_published_one(right, of, low, high):
    effect, ends = verdicts.share(answers(right, of))
    assert effect == right / of
    assert ends == pytest.approx((low, high), abs=5e-5)


def test_a_difference_of_shares_is_combined_by_hand():
    # 56 of 70 against 48 of 80; Clopper and Pearson: 0.6873 to 0.8861 and
    # 0.4844 to 0.7080.
    effect, ends = verdicts.proportions(answers(56, 70), answers(48, 80))
    assert effect == pytest.approx(0.2)
    by_hand = 0.2 - np.hypot(0.1127, 0.1080), 0.2 + np.hypot(0.0861, 0.1156)
    assert ends == pytest.approx(by_hand, abs=2e-4)


@pytest.mark.parametrize(
    ("seeds", "rate"), [*itertools.product((2, 3, 5, 20), (0.02, 0.13, 0.5))]
)
def test_a_rate_that_is_the_same_is_rarely_called_another(seeds, rate):
    """Counted over all outcomes: at most 2.5 % on either side."""
    reference = answers(round(rate * 4000), 4000)
    wrong = {SUPPORTS: 0.0, CONTRADICTS: 0.0, UNDECIDED: 0.0}
    for right in range(seeds + 1):
        ours = answers(right, seeds)
        found = judge(verdicts.proportions, ours, reference, direction=MORE)
        wrong[found.says] += stats.binom.pmf(right, seeds, rate)
    assert wrong[SUPPORTS] <= 0.025
    assert wrong[CONTRADICTS] <= 0.025


# === Rank correlations ===


def test_fisher_s_interval_is_that_by_hand():
    # Ranks with a sum of squared differences of 143: 1 - 6 * 143 / 1716 = 0.5.
    x = [*range(1, 13)]
    y = [8, 2, 3, 4, 5, 6, 7, 1, 9, 12, 11, 10]
    assert sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) == 106
    effect, ends = verdicts.below_one([*zip(x, y, strict=True)])
    rho = 1 - 6 * 106 / (12 * 143)
    assert effect == pytest.approx(1 - rho)
    # artanh 0.62937 = 0.74042; 1.95996 * sqrt((1 + 0.39611 / 2) / 9).
    half = 1.95996 * ((1 + 0.39611 / 2) / 9) ** 0.5
    assert half == pytest.approx(0.71510, abs=1e-4)
    expected = 1 - np.tanh(0.74042 + half), 1 - np.tanh(0.74042 - half)
    assert ends == pytest.approx(expected, abs=1e-4)


def test_three_pairs_show_nothing():
    for order in itertools.permutations([1, 2, 3]):
        pairs = [*zip([1, 2, 3], order, strict=True)]
        assert verdicts.below_one(pairs)[1] == (0, 2)
    assert verdicts.below_one([(1, 2), (2, 1)])[1] is None
    assert verdicts.below_one([(1, 1), (1, 2), (1, 3)])[1] is None


def test_full_agreement_still_has_an_interval():
    for pairs in (4, 12):
        same = [(place, place) for place in range(pairs)]
        effect, (low, high) = verdicts.below_one(same)
        assert effect == pytest.approx(0)
        assert 0 < low < 0.1 and high > low
        opposite = [(place, -place) for place in range(pairs)]
        worst, (down, up) = verdicts.below_one(opposite)
        assert worst == pytest.approx(2)
        assert (2 - up, 2 - down) == pytest.approx((low, high))


@pytest.mark.parametrize("true", [0.3, 0.8])
def test_the_interval_holds_the_true_correlation(true):
    """Of normal pairs, whose rank correlation is 6 / pi * arcsin(r / 2)."""
    r = 2 * np.sin(np.pi * true / 6)
    x, noise = np.random.default_rng(0).normal(size=(2, 500, 12))
    y = r * x + np.sqrt(1 - r * r) * noise
    ends = (verdicts.below_one(p)[1] for p in np.stack([x, y], axis=-1))
    inside = [low <= 1 - true <= high for low, high in ends]
    assert 0.92 <= np.mean(inside) <= 0.99
