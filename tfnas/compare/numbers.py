"""Means, deviations and tests, and their texts."""

import numpy as np
from scipy import stats

NOT_MEASURED = "not measured"
# In place of a figure that a paper lacks.
NONE = "–"


def spread(values):
    """Mean, sample standard deviation (None for one value) and count."""
    values = np.asarray(values, np.float64)
    deviation = float(values.std(ddof=1)) if len(values) > 1 else None
    return float(values.mean()), deviation, len(values)


def written(values, digits=2):
    """Values as mean, deviation and number."""
    values = [value for value in values if value is not None]
    if not values:
        return NOT_MEASURED
    mean, deviation, count = spread(values)
    if deviation is None:
        return f"{mean:.{digits}f} (n=1)"
    return f"{mean:.{digits}f} ± {deviation:.{digits}f} (n={count})"


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
