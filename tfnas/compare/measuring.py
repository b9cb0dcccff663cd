"""Measures that runs lack: the pruned supernet, and a network's latency.

Each run is measured in its own process, `python -m tfnas.compare.measuring
FOLDER`, which writes the numbers to that folder.
"""

import json
import statistics
import sys
import time

from tfnas import methods, spaces
from tfnas.cli import command
from tfnas.cli.files import staged
from tfnas.cli.interruption import EXIT_CODE, Interrupted
from tfnas.cli.relay import Relay
from tfnas.errors import UserError
from tfnas.runs.contents import MEASURED
from tfnas.runs.reading import read_run
from tfnas.search import SearchConfig

PLACEMENTS = ("none", "after_every")
RUNS = 30


def measure_all(found):
    """Measure the runs without measures, one after the other.

    SIGTERM or Ctrl-C raises `Interrupted`.
    """
    folders = [
        each.folder
        for each in found
        if each.accuracy is not None
        and spaces.get(each.values["space"]).can("be pruned")
        and each.values["attention"] in PLACEMENTS
    ]
    folders += [t.folder for each in found for t in each.trained.values()]
    with Relay() as relay:
        for folder in folders:
            if (folder / MEASURED).exists():
                continue
            module = "tfnas.compare.measuring"
            code = relay.start([sys.executable, "-m", module, str(folder)])
            if relay.stop or code == EXIT_CODE:
                raise Interrupted("repeat the command to go on measuring")
            if code:
                raise UserError(f"{folder}: could not be measured, see above")


def main(argv):
    """Measure the run whose folder follows the program's name."""
    measured = read_run(argv[1])
    with command.quiet_start():
        import tensorflow  # noqa: F401
    if measured.kind == "search":
        values = {"pruned_accuracy": supernet_accuracy(measured)}
    else:
        values = {"latency_ms": latency(measured)}
    with staged(measured.folder / MEASURED) as aside:
        aside.write_text(json.dumps(values) + "\n", encoding="utf-8")
    print(f"{measured.folder}: {values}")


def latency(trained):
    """Median milliseconds of a trained `Run`'s network for one image."""
    import numpy as np
    import tensorflow as tf

    from tfnas.networks import build_network

    network = build_network(trained.genotype, **trained.size())
    image = tf.constant(np.zeros((1, *trained.image_shape), np.float32))
    run = tf.function(lambda images: network(images, training=False))
    run(image)
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        run(image).numpy()
        times.append(time.perf_counter() - began)
    return round(1000 * statistics.median(times), 3)


def supernet_accuracy(searched, pruned=True):
    """The supernet's accuracy, pruned to its derived cell, a share of 1.

    Every operation that the genotype keeps has weight 1, all others 0, as in
    the network trained later; weights, moving statistics and images are those
    of the search's end. Without `pruned` it is the search's last accuracy. A
    run without a checkpoint raises `UserError`.
    """
    import tensorflow as tf

    from tfnas import data
    from tfnas.networks import build_supernet
    from tfnas.networks.pruning import pruned_weights
    from tfnas.runs.folder import Folder
    from tfnas.runs.preparation import prepare

    folder, config = searched.folder, searched.config
    wanted = SearchConfig(**config["config"], devices="cpu:1")
    method = methods.from_values({"name": wanted.method, **config["method"]})
    dataset, _ = prepare(wanted, method)
    checkpoint = Folder(folder, {}, resume=True).load_checkpoint()
    if checkpoint is None:
        raise UserError(f"{folder}: has no checkpoint to prune")
    arrays, state = checkpoint
    supernet = build_supernet(
        method,
        cells=method.stages()[state["stage"]].cells,
        operations=state["operations"],
        input_shape=dataset.image_shape,
        classes=len(dataset.classes),
    )
    for variable in supernet.variables:
        variable.assign(arrays[f"variable/{variable.path}"])
    mixing = None
    if pruned:
        mixing = pruned_weights(supernet, searched.genotype)
    _, half = data.search_halves(dataset, method.halves, wanted.seed)
    valid = dataset.train.take(half)
    classify = tf.function(
        lambda images: supernet(images, training=False, mixing=mixing),
        reduce_retracing=True,
    )
    right = total = 0
    for images, labels in data.evaluation_batches(
        valid, dataset, method.batch_size
    ):
        found = classify(images).numpy().argmax(-1)
        right += int((found == labels.numpy()).sum())
        total += len(found)
    return right / total


if __name__ == "__main__":
    command.run(main, sys.argv)
