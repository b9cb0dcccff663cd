"""The interval of a share measured on some images."""

import math

# 2.5 % of the standard normal distribution lie above it.
Z = 1.959963984540054


def wilson(right, total, z=Z):
    """Wilson's score interval of a proportion, 95 % without another `z`.

    Args:
        right: number of correct images.
        total: number of images, at least 1.
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


def in_words(right, total):
    """Wilson's interval in percent, such as "84 to 100 %".

    The narrower it is, the more digits it has.
    """
    low, high = (100 * end for end in wilson(right, total))
    digits = 0 if high - low >= 5 else 1 if high - low >= 0.5 else 2
    return f"{low:.{digits}f} to {high:.{digits}f} %"


def counted(right, total):
    """Counts with their interval, such as "20 of 20: 84 to 100 %"."""
    return f"{right:,} of {total:,}: {in_words(right, total)}"
