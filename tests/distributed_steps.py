"""Search steps on one or more replicas; also a program of its own.

TensorFlow fixes the number of its logical devices when it starts, and the size
of a group of them when it first sums over one, so each number of replicas needs
a new process:

    python tests/distributed_steps.py CASE REPLICAS OUT.npz [moved]

"moved" starts from weights that are one rounding of float32 away.
"""

import dataclasses
import sys

import keras
import numpy as np
import tensorflow as tf

from tfnas import methods
from tfnas.bilevel import search as bilevel
from tfnas.devices.determinism import make_deterministic
from tfnas.networks.darts.supernet import Supernet

# One of each kind of operation: the whole supernet takes minutes to trace, and
# the exact second order, of which replicas share nothing, much longer.
OPERATIONS = ("max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3")


@dataclasses.dataclass(frozen=True)
class Case:
    """A search of which every number of replicas should make the same."""

    method: str = "darts"
    order: int = 1
    second_order: str = "finite_difference"
    dtype: str = "float64"
    channels: int = 4
    cells: int = 3
    nodes: int = 4
    operations: tuple[str, ...] | None = None
    smoothing: float = 0.0
    relaxation: str | None = None
    steps: int = 20
    replicas: tuple[int, ...] = (1, 2, 4)


SMALL = Case(nodes=1, operations=OPERATIONS, steps=3, replicas=(1, 2))
CASES = {
    "small": dataclasses.replace(SMALL, smoothing=0.3, relaxation="dirichlet"),
    "small_four": dataclasses.replace(SMALL, replicas=(1, 4)),
    "small_ahead": dataclasses.replace(
        SMALL, order=2, operations=OPERATIONS[1::2], relaxation="gumbel"
    ),
    "small_exact": dataclasses.replace(
        SMALL, order=2, second_order="exact", operations=OPERATIONS[:2]
    ),
    "darts": Case(),
    "pdarts": Case("pdarts"),
    "fair_darts": Case("fair_darts"),
    "att_darts": Case("att_darts"),
    "gdas": dataclasses.replace(SMALL, method="gdas"),
    "drnas": dataclasses.replace(SMALL, method="drnas", channels=6),
    "finite_difference": Case(order=2),
    "exact": Case(order=2, second_order="exact"),
    "float32": Case(dtype="float32", channels=8, cells=5),
    "rounded": dataclasses.replace(SMALL, dtype="float32"),
    "rounded_whole": Case(dtype="float32", channels=8, cells=5, nodes=1),
}


def mirrored(replicas):
    """A strategy with so many replicas on this machine's CPU."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    part = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [part] * replicas)
    if replicas == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(
        [f"/cpu:{index}" for index in range(replicas)]
    )


def search(strategy, case, moved=False):
    """What a few steps from the same start end with, by name.

    "apart" is how much the replicas' copies of a variable differ at most,
    "alpha after N steps" what alpha was on the way.
    """
    keras.utils.set_random_seed(0)
    method = dataclasses.replace(
        methods.get(case.method),
        order=case.order,
        second_order=case.second_order,
        smoothing=case.smoothing,
        **({"relaxation": case.relaxation} if case.relaxation else {}),
    )
    with strategy.scope():
        supernet = Supernet(
            method,
            input_shape=(8, 8, 3),
            classes=5,
            channels=case.channels,
            cells=case.cells,
            nodes=case.nodes,
            operations=case.operations and list(case.operations),
            dtype=case.dtype,
        )
        model = bilevel.BilevelSearch(supernet)
    if case.smoothing:
        model.smoothing_radius.assign(case.smoothing)
    if moved:
        _move(supernet.weight_variables)
    way = Way(supernet)
    history = model.fit(
        batches(case), verbose=0, shuffle=False, callbacks=[way]
    ).history
    variables = [
        *supernet.variables,
        *model.optimizer.variables,
        *model.alpha_optimizer.variables,
    ]
    found = {v.path: v.numpy() for v in supernet.variables}
    found |= {f"log/{name}": value[0] for name, value in history.items()}
    found |= way.alphas
    found["apart"] = max(_apart(strategy, v.value) for v in variables)
    return found


class Way(keras.callbacks.Callback):
    """Keeps alpha after every step, all of its numbers in one row."""

    def __init__(self, supernet):
        super().__init__()
        self.supernet, self.alphas = supernet, {}

    def on_train_batch_end(self, batch, logs=None):
        rows = [
            np.ravel(alpha.numpy())
            for alpha in self.supernet.architecture.values()
        ]
        self.alphas[f"alpha after {batch + 1} steps"] = np.concatenate(rows)


def _move(variables):
    """Each number up or down by one rounding of float32, at random."""
    draw = np.random.default_rng(1)
    for variable in variables:
        value = variable.numpy()
        up = draw.integers(0, 2, value.shape) * 2 - 1
        variable.assign(np.nextafter(value, value + up, dtype=value.dtype))


def _apart(strategy, variable):
    first, *others = (
        np.asarray(copy, "float64")
        for copy in strategy.experimental_local_results(variable)
    )
    return max((np.abs(first - o).max() for o in others), default=0.0)


def batches(case):
    """Pairs of global batches of 8 images, whatever the replicas."""
    generator = np.random.default_rng(0)
    images = generator.normal(size=(2, case.steps * 8, 8, 8, 3))
    labels = generator.integers(0, 5, (2, case.steps * 8))
    halves = tuple(zip(images.astype(case.dtype), labels, strict=True))
    return tf.data.Dataset.from_tensor_slices(halves).batch(8)


def main(name, replicas, out, *moved):
    make_deterministic(operations=False)
    strategy = mirrored(int(replicas))
    np.savez(out, **search(strategy, CASES[name], bool(moved)))


if __name__ == "__main__":
    main(*sys.argv[1:])
