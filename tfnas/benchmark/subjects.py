"""The subjects of workers: functions from a job to its steps.

A job is a dict of the fields of `BenchmarkConfig` and `Case`; the steps are
{name: function without arguments}.
"""

import contextlib
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfnas import zoo
from tfnas.benchmark import limits
from tfnas.benchmark.config import BenchmarkConfig
from tfnas.bilevel.hypergradient import cross_entropy
from tfnas.bilevel.optimizers import SGD
from tfnas.bilevel.search import BilevelSearch, clip_by_norm
from tfnas.choice import fields
from tfnas.devices.determinism import make_deterministic
from tfnas.devices.threads import divide
from tfnas.errors import UserError
from tfnas.export import check_libraries
from tfnas.layers.fast import kernels
from tfnas.networks import build_network
from tfnas.networks.darts.supernet import Supernet
from tfnas.runs import summary

CLASSES = 10
# The second implementation is among the tests, which wheels lack.
TESTS = Path(__file__).parents[2] / "tests"


def set_up(job):
    """Make TensorFlow compute as the commands do, or by its defaults."""
    trains = job["part"] not in ("machine", "inference")
    if trains and job["variant"] != "baseline":
        threads, operations = divide(job["threads"])
    else:
        threads = operations = job["threads"]
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(operations)
    keras.utils.set_random_seed(0)
    make_deterministic(job["variant"] != "no determinism")


def search(job):
    """A step of alpha and a step of the weights."""
    images = _images(job)
    if job["variant"] == "baseline":
        return _baseline_search(job, images)
    with _path(job):
        model = _bilevel(job, order=1)

    def weights(batch, _):
        model.step_weights(batch)

    return {
        "alpha": _step(job, model.step_alpha, images, images),
        "weights": _step(job, weights, images, images),
    }


def second_order(job):
    """A second-order step of alpha, by the authors' finite differences."""
    images = _images(job)
    with _path(job):
        model = _bilevel(job, order=2)
    return {"second order": _step(job, model.step_alpha, images, images)}


def retraining(job):
    """A training step of the network of DARTS_V2."""
    images, labels = _images(job)
    with _path(job):
        if job["variant"] == "baseline":
            _enter_checkout()
            from reference_network import BaselineNetwork

            network = BaselineNetwork(CLASSES, job["channels"], job["cells"])
        else:
            network = _network(job)
    optimizer = SGD(0.025, 0.9)
    variables = network.trainable_variables
    optimizer.build(variables)

    def step(images, labels):
        with tf.GradientTape() as tape:
            logits = network(images, training=True)
            loss = cross_entropy(labels, logits)
        gradients = clip_by_norm(tape.gradient(loss, variables), 5.0)
        optimizer.apply_gradients(
            (g + 3e-4 * v.value, v)
            for g, v in zip(gradients, variables, strict=True)
        )

    return {"retraining": _step(job, step, images, labels)}


def inference(job):
    """The network of DARTS_V2 on one image, and on a batch."""
    images = _images(job)[0].numpy()
    with kernels.plain():
        run = _RUNTIMES[job["variant"]](_network(job), job)
    return {
        f"inference, batch {len(part)}": lambda part=part: run(part)
        for part in (images[:1], images)
    }


def machine(job):
    """Peak of a matrix product, bandwidth of a copy; whether oneDNN is on."""
    square = tf.random.normal((2048, 2048))
    product = tf.function(tf.matmul)
    source = np.ones((job["threads"], 2**26 // job["threads"]), "float32")
    target = np.empty_like(source)
    threads = ThreadPoolExecutor(job["threads"])

    def multiply():
        product(square, square).numpy()

    def copy():
        list(threads.map(np.copyto, target, source))

    def measure():
        return {
            "gemm": 2 * 2048**3 / _best(multiply),
            "copy": 2 * source.nbytes / _best(copy),
        }

    return {"machine": measure, "oneDNN": summary.onednn}


SUBJECTS = {
    "search": search,
    "second_order": second_order,
    "retraining": retraining,
    "inference": inference,
    "machine": machine,
}


# === Parts ===


def _path(job):
    plain = job["variant"] == "plain"
    return kernels.plain() if plain else contextlib.nullcontext()


def _step(job, function, *batches):
    """A function of fixed batches, traced and called on the job's path."""
    traced = tf.function(function, autograph=False, jit_compile=False)

    def step():
        with _path(job):
            traced(*batches)

    return step


def _images(job):
    random = np.random.default_rng(0)
    size = job["image_size"]
    images = random.normal(size=(job["batch"], size, size, 3))
    labels = random.integers(0, CLASSES, job["batch"])
    return tf.constant(images, tf.float32), tf.constant(labels)


def asked(job):
    """The `BenchmarkConfig` of a job, which has lists for tuples in JSON."""
    values = {field.name: job[field.name] for field in fields(BenchmarkConfig)}
    return BenchmarkConfig(
        **{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    )


def _bilevel(job, order):
    config = asked(job)
    supernet = Supernet(
        config.searched.with_flags({"order": order}),
        input_shape=(job["image_size"], job["image_size"], 3),
        classes=CLASSES,
        channels=job["channels"],
        cells=job["cells"],
        operations=limits.candidates(config),
    )
    return BilevelSearch(supernet)


def _network(job):
    return build_network(
        zoo.genotype("DARTS_V2"),
        input_shape=(job["image_size"], job["image_size"], 3),
        classes=CLASSES,
        channels=job["channels"],
        cells=job["cells"],
    )


def _baseline_search(job, images):
    if job["method"] != "darts" or job["operations_kept"] is not None:
        raise UserError("the baseline is DARTS with all operations")
    _enter_checkout()
    from reference import BaselineSearch, BaselineSupernet

    model = BaselineSupernet(
        CLASSES, job["channels"], job["cells"], in_channels=3
    )
    step = BaselineSearch(model).step
    return {"alpha + weights": lambda: step(images, images) and None}


def _enter_checkout():
    """Make the second implementation importable."""
    if not (TESTS / "reference.py").is_file():
        raise UserError(
            "only a checkout of tfnas has the baseline; run the benchmark "
            "there, or leave it out of --variants"
        )
    sys.path.append(str(TESTS))


def _best(function, times=3):
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


# === Inference ===


def _keras(network, job):
    return network.predict_on_batch


def _saved_model(network, job):
    with tempfile.TemporaryDirectory() as folder:
        network.export(folder, format="tf_saved_model", verbose=False)
        loaded = tf.saved_model.load(folder)
    signature = loaded.signatures["serving_default"]
    name = next(iter(signature.structured_input_signature[1]))

    def run(images, loaded=loaded):  # the signature needs its model alive
        outputs = signature(**{name: tf.constant(images)})
        return [output.numpy() for output in outputs.values()]

    return run


def _onnx_runtime(network, job):
    """On the file of `tfnas.export_network`, not Keras's own export."""
    check_libraries("inference by ONNX Runtime")
    from tfnas.export import onnx_runner

    return onnx_runner(network, job["threads"])


_RUNTIMES = {
    "Keras": _keras,
    "SavedModel": _saved_model,
    "ONNX Runtime": _onnx_runtime,
}
