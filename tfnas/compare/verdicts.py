"""One rule for every verdict on a claim: an effect and its interval.

A claim fixes beforehand in which direction an effect goes and which value means
no effect. Runs support or contradict it only where the 95 % interval over seeds
excludes that value; else they leave it undecided.
"""

import dataclasses

import numpy as np
from scipy import stats

from tfnas.report.interval import Z

SUPPORTS, CONTRADICTS, UNDECIDED = "supports", "contradicts", "undecided"
# The direction of an effect, in a claim.
MORE, LESS = 1, -1
LEVEL = 0.95


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What an effect says about a claim.

    Attributes:
        effect: the estimate.
        ends: the interval's lower and upper end, or None if too few values, or
            values without spread, tell nothing of it.
        n: the number of values in each sample.
        says: `SUPPORTS`, `CONTRADICTS` or `UNDECIDED`.
    """

    effect: float
    ends: tuple | None
    n: tuple
    says: str

    def written(self, unit, sign="+"):
        """Effect and interval in words, such as "+1.60 points (…)"."""
        text = f"{self.effect:{sign}.2f} {unit}"
        if self.ends is None:
            return f"{text} (interval unknown)"
        low, high = self.ends
        return f"{text} ({low:{sign}.2f} to {high:{sign}.2f})"


def judge(interval, *samples, direction, none=None):
    """The `Verdict` of samples on a claim.

    Args:
        interval: a function of this file; it turns the samples into an effect
            and the ends of its interval.
        *samples: of numbers, over seeds.
        direction: `MORE` or `LESS`, where the claim puts the effect.
        none: the value of no effect; by default 1 for a ratio, else 0.

    Example: `judge(difference, [3, 4, 5], [1, 2, 2], direction=MORE)`.
    """
    effect, ends = interval(*samples)
    if none is None:
        none = 1.0 if interval is ratio else 0.0
    says = UNDECIDED
    if ends is not None and not ends[0] <= none <= ends[1]:
        above = MORE if ends[0] > none else LESS
        says = SUPPORTS if above == direction else CONTRADICTS
    return Verdict(effect, ends, tuple(map(len, samples)), says)


def mean(values):
    """The mean, by Student's t."""
    values = np.asarray(values, np.float64)
    return _student(values.mean(), _squared_error(values), len(values) - 1)


def difference(ours, theirs):
    """The difference of two means, by Welch's t.

    Source: Welch, Biometrika 34 (1947).
    """
    sides = [np.asarray(side, np.float64) for side in (ours, theirs)]
    errors = [_squared_error(side) for side in sides]
    effect = sides[0].mean() - sides[1].mean()
    if None in errors or not any(errors):
        return float(effect), None
    parts = [e**2 / (len(s) - 1) for e, s in zip(errors, sides, strict=True)]
    return _student(effect, sum(errors), sum(errors) ** 2 / sum(parts))


def ratio(ours, theirs):
    """The ratio of two geometric means, by Welch's t of the logarithms."""
    effect, ends = difference(np.log(ours), np.log(theirs))
    return float(np.exp(effect)), ends and tuple(map(float, np.exp(ends)))


def share(values):
    """The share of true values, by the binomial distribution.

    Source: Clopper and Pearson, Biometrika 26 (1934).
    """
    test = stats.binomtest(int(sum(values)), len(values))
    ends = test.proportion_ci(LEVEL, method="exact")
    return test.statistic, (ends.low, ends.high)


def proportions(ours, theirs):
    """The difference of two shares of true values.

    The exact ends of both shares are combined as in Newcombe's method 10.
    Wilson's ends, which he took, err to one side too often where seeds are few:
    with three, in 4.7 instead of 2.5 % of cases.

    Source: Newcombe, Statistics in Medicine 17 (1998), 873.
    """
    (our, (low, high)), (their, (bottom, top)) = share(ours), share(theirs)
    down = np.hypot(our - low, top - their)
    up = np.hypot(high - our, their - bottom)
    effect = our - their
    return effect, (float(effect - down), float(effect + up))


def below_one(pairs):
    """How far Spearman's rank correlation of pairs lies below 1.

    The interval is Fisher's z with Bonett and Wright's error for ranks. It
    needs no permutations and is wide where pairs are few: with three it is all
    of 0 to 2. At full agreement z is infinite; half a swap of two neighbours
    stands in for it. The effect is NaN with fewer pairs, or if one side is
    constant.

    Source: Bonett and Wright, Psychometrika 65 (2000).
    """
    count = len(pairs)
    if count < 3 or any(len({*side}) < 2 for side in zip(*pairs, strict=True)):
        return float("nan"), None
    rho = float(stats.spearmanr(*zip(*pairs, strict=True)).statistic)
    if count == 3:
        return 1 - rho, (0.0, 2.0)
    half_swap = 6 / (count * (count**2 - 1))
    inside = float(np.clip(rho, half_swap - 1, 1 - half_swap))
    half = Z * np.sqrt((1 + inside**2 / 2) / (count - 3))
    ends = np.tanh(np.arctanh(inside) + np.array([half, -half]))
    return 1 - rho, tuple(float(1 - end) for end in ends)


def _squared_error(values):
    """The squared standard error of a mean; None for one value."""
    if len(values) < 2:
        return None
    # Rounding is not a spread.
    same = np.allclose(values, values[0], rtol=1e-9, atol=0)
    return 0.0 if same else values.var(ddof=1) / len(values)


def _student(effect, squared_error, freedom):
    if not squared_error:
        return float(effect), None
    half = stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(squared_error)
    return float(effect), (float(effect - half), float(effect + half))
