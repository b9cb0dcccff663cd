"""Measures the peak memory of a search process; prints it in bytes.

    python tests/memory_peak.py METHOD CHANNELS CELLS SIZE BATCH [OPERATIONS]

OPERATIONS is how many candidates each edge has, another choice on each, as
in a later stage of P-DARTS; 0 for all.
"""

import sys

from tfnas import methods
from tfnas.spaces import darts


def candidates(method, kept):
    """Returns all names of a method, or a part that turns from edge to edge."""
    names = methods.get(method).candidates()
    if not kept:
        return darts.SPACE.per_edge(names)
    rows = [
        [names[(edge + place) % len(names)] for place in range(kept)]
        for edge in range(len(darts.edges()))
    ]
    return {kind: rows for kind in darts.KINDS}


def main(method, channels, cells, size, batch, kept=0):
    import keras
    import numpy as np
    import tensorflow as tf

    from tfnas.benchmark.worker import peak
    from tfnas.bilevel.search import BilevelSearch
    from tfnas.devices.determinism import make_deterministic
    from tfnas.devices.threads import divide_cores
    from tfnas.networks.darts.supernet import Supernet

    divide_cores()
    keras.utils.set_random_seed(0)
    make_deterministic()
    supernet = Supernet(
        method,
        input_shape=(size, size, 3),
        channels=channels,
        cells=cells,
        operations=candidates(method, kept),
    )
    half = np.zeros((batch, size, size, 3), "float32"), np.zeros(batch, int)
    data = tf.data.Dataset.from_tensors((half, half)).repeat()
    search = BilevelSearch(supernet)
    search.fit(data, steps_per_epoch=3, shuffle=False, verbose=0)
    print(peak())


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
