"""ONNX Runtime answers sooner than Keras, by shares that noise leaves."""

import functools
import time

import numpy as np
import pytest
from published import published

import tfnas
from tfnas.export.requirements import LIBRARIES

ROUNDS = 20


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    """Function of a title: a network in Keras and in ONNX Runtime."""
    for library in LIBRARIES:
        pytest.importorskip(library)
    from tfnas.export import graph, onnx_file

    @functools.cache
    def found(title):
        if title == "zoo":
            network = tfnas.load("darts_fashion_mnist.fashion_mnist_c10_l5")
        else:
            network = tfnas.build_network(
                published("DARTS_V2"),
                input_shape=(8, 8, 1),
                channels=8,
                cells=5,
            )
        model = graph.inference(network)
        path = tmp_path_factory.mktemp("latency") / "model.onnx"
        endpoint = graph.endpoints(model)["serving_default"]
        onnx_file.write(path, model, endpoint, 17)
        return network, onnx_file.runner(path)

    return found


# A batch of 64 of the zoo's has 600 M multiply-adds, which take both as long:
# launch/serving/README.md has the figures.
@pytest.mark.parametrize(
    ("title", "count", "share"),
    [
        ("digits", 1, 0.25),
        ("digits", 64, 0.5),
        # Its conversion alone takes a minute.
        pytest.param("zoo", 1, 0.25, marks=pytest.mark.slow),
    ],
)
def test_onnx_runtime_s_share_of_keras_s_time(forms, title, count, share):
    """Each takes its turn, and its best one counts, on a busy machine too."""
    network, run = forms(title)
    shape = (count, *network.input_shape[1:])
    images = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    found = run(images)["logits"]
    expected = network.predict_on_batch(images)
    expected = getattr(expected, "get", lambda _: expected)("logits")
    np.testing.assert_allclose(found, expected, atol=1e-3, rtol=1e-3)
    seconds = {network.predict_on_batch: [], run: []}
    for _ in range(ROUNDS):
        for answer, measured in seconds.items():
            began = time.perf_counter()
            answer(images)
            measured.append(time.perf_counter() - began)
    keras, onnx = map(min, seconds.values())
    print(
        f"{title}, batch {count}: Keras {1e3 * keras:.2f} ms, ONNX Runtime "
        f"{1e3 * onnx:.2f} ms, {onnx / keras:.3f} of it"
    )
    assert onnx <= share * keras
