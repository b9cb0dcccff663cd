"""How far a share of some images may be from that of all."""

import math

# Of the standard normal distribution, 2.5 % lie above it.
Z = 1.959963984540054


def wilson(right, total, z=Z):
    """Wilson's score interval of a proportion, 95 % without another `z`.

    Args:
        right: how many were right.
        total: of how many, at least 1.
        z: quantile of the standard normal distribution.

    Returns:
        The lower and the upper end, shares of 1.

    Source: E. B. Wilson, Probable inference, the law of succession, and
    statistical inference, 1927.
    """
    share, spread = right / total, z * z / total
    middle = share + spread / 2
    half = math.sqrt(spread * (share * (1 - share) + spread / 4))
    return (middle - half) / (1 + spread), (middle + half) / (1 + spread)
