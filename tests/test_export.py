"""A network exports, equal, without what only training needs."""

import importlib.util

import keras
import numpy as np
import pytest
from published import published

import tfnas
from tfnas.errors import UserError
from tfnas.export import _LIBRARIES, _compare

NORM = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4)}


def needs_libraries():
    for library in _LIBRARIES:
        pytest.importorskip(library)


@pytest.fixture(scope="module")
def network():
    network = tfnas.build_network(
        published("PDARTS"),
        input_shape=(17, 16, 3),
        channels=4,
        cells=3,
        classes=5,
        auxiliary=True,
        drop_path=0.3,
    )
    generator = np.random.default_rng(1)
    for variable in network.variables:
        if variable.name == "moving_mean":
            variable.assign(generator.normal(size=variable.shape))
        elif variable.name == "moving_variance":
            variable.assign(generator.uniform(0.5, 2, variable.shape))
    return network


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    needs_libraries()
    folder = tmp_path_factory.mktemp("export") / "out"
    labels = ["a", "b", "c", "d", "e"]
    done = tfnas.export(network, folder, "small", labels, **NORM)
    assert done["deviation"] < 1e-4
    return folder


def test_the_folder_holds_both_and_nothing_else(exported):
    assert {path.name for path in exported.iterdir()} == {
        "small",
        "small.onnx",
        "classes.txt",
    }
    assert (exported / "small" / "1" / "saved_model.pb").is_file()
    assert (exported / "classes.txt").read_text() == "a\nb\nc\nd\ne\n"
    assert [path.name for path in exported.parent.iterdir()] == ["out"]


def test_onnx_runtime_gives_what_the_network_does(network, exported):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(exported / "small.onnx"))
    (inputs,) = session.get_inputs()
    assert (inputs.name, inputs.type) == ("image", "tensor(float)")
    assert inputs.shape[1:] == [17, 16, 3]
    images = np.random.default_rng(2).integers(0, 256, (4, 17, 16, 3))
    images = images.astype("float32")
    wanted = ["logits", "probabilities", "class"]
    logits, probabilities, classes = session.run(wanted, {"image": images})
    normal = (images / 255 - NORM["mean"]) / NORM["std"]
    expected = network(normal.astype("float32"), training=False)["logits"]
    np.testing.assert_allclose(logits, expected, atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-6)
    np.testing.assert_array_equal(classes, np.argmax(expected, -1))
    assert classes.dtype == np.int64


def test_what_only_training_needs_is_left_out(network, exported):
    import onnx
    import tensorflow as tf

    graph = onnx.load(exported / "small.onnx").graph
    names = [x.name for x in (*graph.node, *graph.initializer)]
    # Everything is of the standard operations.
    assert {node.domain for node in graph.node} == {""}
    loaded = tf.saved_model.load(str(exported / "small" / "1"))
    endpoint = loaded.signatures["serving_default"]
    names += [node.name for node in endpoint.graph.as_graph_def().node]
    function = [
        f.node_def for f in endpoint.graph.as_graph_def().library.function
    ]
    names += [node.name for nodes in function for node in nodes]
    names += [variable.name for variable in endpoint.graph.variables]
    assert [name for name in names if "logits" in name]
    for part in ("drop_path", "auxiliary", "stateless"):
        assert not [name for name in names if part in name.lower()]


def test_a_network_of_the_mobile_space(tmp_path):
    needs_libraries()
    genotype = tfnas.Genotype("mobile", layers=("mb_3x3_e3",) * 19)
    network = tfnas.build_network(
        genotype, input_shape=(8, 8, 1), channels=8, classes=3
    )
    assert tfnas.export(network, tmp_path / "out")["deviation"] < 1e-4


# === Refusals ===


def refuse(function, words):
    with pytest.raises(UserError) as error:
        function()
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "../x"}, "name=../x"),
        ({"classes": ["a"]}, "classes: 1 names, but the network has 5"),
        ({"mean": (0.5, 0.5, 0.5)}, "mean, std: give both"),
        ({"mean": (0.5,), "std": (1.0,)}, "mean: 1 values"),
    ],
)
def test_arguments_that_do_not_fit(network, tmp_path, arguments, words):
    needs_libraries()
    refuse(lambda: tfnas.export(network, tmp_path / "x", **arguments), words)
    assert not [*tmp_path.iterdir()]


def test_a_folder_in_use_is_left_alone(network, tmp_path):
    needs_libraries()
    (tmp_path / "mine").touch()
    refuse(lambda: tfnas.export(network, tmp_path), "is in use")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("library", _LIBRARIES)
def test_a_missing_library_is_one_line(network, tmp_path, monkeypatch, library):
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == library else 1
    )
    refuse(
        lambda: tfnas.export(network, tmp_path / "x"),
        f"needs {library}; pip install 'tfnas[export]'",
    )


def test_unequal_formats_are_refused(network, exported):
    """The reference is another network's."""
    model = keras.Model(network.input, network.output["logits"])

    def other(images):
        return np.full((len(images), 5), 3, "float32")

    saved, onnx = exported / "small" / "1", exported / "small.onnx"
    refuse(lambda: _compare(other, model, saved, onnx), "deviates")
