"""Means, deviations and tests, and their texts."""

import numpy as np
from scipy import stats

from tfnas.compare import verdicts

NOT_MEASURED = "not measured"
# In place of a figure that a paper lacks.
NONE = "–"


def spread(values):
    """Mean, sample standard deviation (None for one value) and count."""
    values = np.asarray(values, np.float64)
    deviation = float(values.std(ddof=1)) if len(values) > 1 else None
    return float(values.mean()), deviation, len(values)


def written(values, digits=2, ends=False):
    """Values as mean, deviation and number.

    With `ends` the mean's 95 % interval replaces the deviation, if it has one.
    """
    values = [value for value in values if value is not None]
    if not values:
        return NOT_MEASURED
    mean, deviation, count = spread(values)
    if deviation is None:
        return f"{mean:.{digits}f} (n=1)"
    interval = verdicts.mean(values)[1] if ends else None
    if interval is None:
        return f"{mean:.{digits}f} ± {deviation:.{digits}f} (n={count})"
    low, high = (f"{end:.{digits}f}" for end in interval)
    return f"{mean:.{digits}f} ({low} to {high}, n={count})"


def welch(ours, theirs):
    """The p value of Welch's two-sided t test that two means differ.

    None with fewer than two numbers on a side or without any spread.

    Source: Welch, Biometrika 34 (1947).
    """
    if min(len(ours), len(theirs)) < 2:
        return None
    sides = [spread(ours), spread(theirs)]
    if not any(deviation for _, deviation, _ in sides):
        return None
    flat = [number for side in sides for number in side]
    return float(stats.ttest_ind_from_stats(*flat, equal_var=False).pvalue)
