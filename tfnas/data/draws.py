"""Random numbers that are a function of (seed, epoch, purpose, index).

There is no state to save: a resumed run, another worker or another replica
that asks for the same sample of the same epoch draws the same numbers. The
function is the output mixer of SplitMix64 (Steele, Lea and Flood, "Fast
splittable pseudorandom number generators", 2014), chained over the keys.
"""

import numpy as np

# Purposes: each has its own sequence.
ORDER, CROP_ROW, CROP_COLUMN, FLIP, CUTOUT_ROW, CUTOUT_COLUMN = range(6)
# For ImageNet: four changes of colour and their order; area and ratio of a crop
# in each of ten tries.
JITTER, CROP_TRIES = range(6, 11), range(11, 31)
# Which training images are used, and their half or part; which of all images
# are for testing.
SUBSET, HALVES, HELD_OUT, TEST = range(31, 35)
# Which images of a batch are mixed, and how.
MIX = 35

_MASK = (1 << 64) - 1


def _mix(values):
    with np.errstate(over="ignore"):  # Wrap modulo 2**64.
        values = values + np.uint64(0x9E3779B97F4A7C15)
        values = values ^ (values >> np.uint64(30))
        values = values * np.uint64(0xBF58476D1CE4E5B9)
        values = values ^ (values >> np.uint64(27))
        values = values * np.uint64(0x94D049BB133111EB)
        return values ^ (values >> np.uint64(31))


def _bits(seed, epoch, purpose, index):
    key = np.uint64(0)
    for part in (seed, epoch, purpose):
        key = _mix(key ^ np.uint64(part & _MASK))
    return _mix(key ^ np.asarray(index).astype(np.uint64))


def integers(seed, epoch, purpose, index, bound):
    """Draws a whole number below `bound` (at most 2**32 - 1) for each sample.

    Sample indices (N,) give int32 (N,). The purpose is one of this module's
    constants; epochs count from 0.
    """
    high = _bits(seed, epoch, purpose, index) >> np.uint64(32)
    return ((high * np.uint64(bound)) >> np.uint64(32)).astype(np.int32)


def uniforms(seed, epoch, purposes, index):
    """Draws a number from 0 to below 1 for each sample and purpose.

    Sample indices (N,) give float32 (N, purposes), of 24 random bits each.
    """
    columns = [
        _bits(seed, epoch, purpose, index) >> np.uint64(40)
        for purpose in purposes
    ]
    return np.stack(columns, axis=1).astype(np.float32) / 2**24


def shuffled(seed, epoch, index, purpose=ORDER):
    """The sample indices (N,) in an epoch's order for a purpose."""
    # The mixer is a bijection, so the keys of distinct samples never tie.
    return index[np.argsort(_bits(seed, epoch, purpose, index))]
