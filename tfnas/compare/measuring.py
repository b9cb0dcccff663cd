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

# The measure of each kind of run in the file. Earlier versions pruned by moving
# statistics and wrote "pruned_accuracy", which nothing reads any more.
NAMES = {"search": "pruning", "train": "latency_ms"}
PLACEMENTS = ("none", "after_every")
RUNS = 30
# Weight steps of a pruned supernet.
STEPS = 50


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
        # Its last supernet is pruned already.
        and each.values["derivation"] != "perturbation"
    ]
    folders += [t.folder for each in found for t in each.trained.values()]
    with Relay() as relay:
        for folder in folders:
            run = read_run(folder)
            if NAMES[run.kind] in run.measured:
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
    measure = pruning if measured.kind == "search" else latency
    values = {NAMES[measured.kind]: measure(measured)}
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


def pruning(searched):
    """{"whole", "pruned", "tuned", "chance"}: accuracies of a search's `Run`.

    They are shares of 1 on the validation half, by the statistics of each
    batch: of the supernet at the search's end; of the same, where every
    operation that the genotype keeps weighs 1 and all others 0, as in the
    network trained later; of that after `STEPS` steps of its weights; and of
    always answering with the largest class. A run without a checkpoint raises
    `UserError`.
    """
    from tfnas import data
    from tfnas.bilevel.pruned import BatchAccuracy, tune
    from tfnas.networks.proxy import described, in_whole_batches
    from tfnas.networks.pruning import pruned_weights

    supernet, dataset, seed = restored(searched)
    method = supernet.method
    halves = data.search_halves(dataset, method.halves, seed)
    size = method.batch_size
    valid = dataset.train.take(in_whole_batches(halves[1], size))
    batches = data.evaluation_batches(valid, dataset, size)
    mixing = pruned_weights(supernet, searched.genotype)
    accuracy = BatchAccuracy(supernet)
    whole = accuracy(batches, supernet.mixing_weights())
    at_once = accuracy(batches, mixing)
    steps = data.steps_per_epoch(len(halves[0]), method.batch_size)
    stream = data.search_stream(
        dataset,
        halves,
        batch_size=method.batch_size,
        epochs=-(-STEPS // steps),
        seed=seed,
    )
    tune(supernet, (train for train, _ in stream.take(STEPS)), mixing)
    return {
        "whole": whole,
        "pruned": at_once,
        "tuned": accuracy(batches, mixing),
        "chance": described((None, valid.labels))["majority_share"],
    }


def restored(searched):
    """A search's supernet at its end, the `Dataset` and the seed."""
    from tfnas.networks import build_supernet
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
    stage = method.stages()[state["stage"]]
    supernet = build_supernet(
        method.of_stage(stage),
        cells=stage.cells,
        operations=state["operations"],
        input_shape=dataset.image_shape,
        classes=len(dataset.classes),
    )
    for variable in supernet.variables:
        variable.assign(arrays[f"variable/{variable.path}"])
    return supernet, dataset, wanted.seed


if __name__ == "__main__":
    command.run(main, sys.argv)
