"""A network exports, equal, whole, without what only training needs."""

import collections
import hashlib
import json
import re

import numpy as np
import pytest
import serving
from published import published

import tfnas
import tfnas.export.run
from tfnas.data.decoding import PIXELS
from tfnas.errors import UserError
from tfnas.export.requirements import LIBRARIES
from tfnas.genotype import ATTENTIONS, Cell, Edge

NORM = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4)}


def needs_libraries():
    for library in LIBRARIES:
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
    done = tfnas.export_network(network, folder, "small", labels, **NORM)
    assert done["deviation"] < 1e-4
    assert done["version"] == 1
    return folder


@pytest.fixture(scope="module")
def signatures(exported):
    import tensorflow as tf

    # The module that holds the variables has to be kept.
    loaded = tf.saved_model.load(str(exported / "small" / "1"))
    yield loaded.signatures
    del loaded


# === What is written ===


def test_the_folder_holds_the_version_and_its_files(exported):
    assert {path.name for path in exported.iterdir()} == {
        *("small", "small.onnx", "labels.txt", "model.json")
    }
    assert {path.name for path in (exported / "small").iterdir()} == {"1"}
    version = exported / "small" / "1"
    assert (version / "saved_model.pb").is_file()
    assert (exported / "labels.txt").read_text() == "a\nb\nc\nd\ne\n"
    for one, other in (
        ("small.onnx", "model.onnx"),
        ("labels.txt", "labels.txt"),
        ("model.json", "model.json"),
    ):
        assert (exported / one).read_bytes() == (version / other).read_bytes()
    assert [path.name for path in exported.parent.iterdir()] == ["out"]


def test_the_description_says_what_is_in_the_graph(exported):
    about = json.loads((exported / "model.json").read_text())
    assert about["input"]["shape"] == [None, 17, 16, 3]
    assert about["input"]["range"] == [0, 255]
    assert about["preprocessing"]["mean"] == [0.5, 0.4, 0.3]
    assert f"{PIXELS} bytes and pixels" in about["signatures"]["serving_bytes"]
    assert about["classes"] == ["a", "b", "c", "d", "e"]
    version = exported / "small" / "1"
    found = {
        path.relative_to(version).as_posix()
        for path in version.rglob("*")
        if path.is_file()
    }
    assert found == {*about["files"], "model.json"}
    for name, digest in about["files"].items():
        content = (version / name).read_bytes()
        assert digest["bytes"] == len(content)
        assert digest["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_saved_model_holds_every_weight_once(network, exported):
    import tensorflow as tf

    from tfnas.export import graph

    stored = tf.train.list_variables(
        str(exported / "small" / "1" / "variables" / "variables")
    )
    shapes = [
        tuple(shape)
        for name, shape in stored
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    ]
    served = graph.inference(network).variables
    assert sorted(shapes) == sorted(tuple(each.shape) for each in served)


def test_onnx_runtime_gives_what_the_network_does(network, exported):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(exported / "small.onnx"))
    (inputs,) = session.get_inputs()
    assert (inputs.name, inputs.type) == ("image", "tensor(float)")
    assert inputs.shape == ["batch", 17, 16, 3]
    images = np.random.default_rng(2).integers(0, 256, (4, 17, 16, 3))
    images = images.astype("float32")
    wanted = ["logits", "probabilities", "class"]
    logits, probabilities, classes = session.run(wanted, {"image": images})
    normal = (images / 255 - NORM["mean"]) / NORM["std"]
    expected = network(normal.astype("float32"), training=False)["logits"]
    np.testing.assert_allclose(logits, expected, atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-6)
    assert np.diff(np.sort(expected)[:, -2:]).min() > 1e-3  # rounding aside
    np.testing.assert_array_equal(classes, np.argmax(expected, -1))
    assert classes.dtype == np.int64


def test_nodes_are_named_after_layers(exported):
    import onnx

    nodes = onnx.load(exported / "small.onnx").graph.node
    names = [node.name for node in nodes]
    assert len({*names}) == len(names)
    cells = collections.Counter(name.split("/")[0] for name in names)
    assert all(cells[f"cell_0{number}"] > 10 for number in range(3)), cells
    operations = {re.sub(r"_\d+$", "", n.split("/")[-1]) for n in names}
    assert operations <= {node.op_type for node in nodes}


def test_what_only_training_needs_is_left_out(network, exported, signatures):
    import onnx

    graph = onnx.load(exported / "small.onnx").graph
    names = [x.name for x in (*graph.node, *graph.initializer)]
    # Everything is of the standard operations, with batch norms folded.
    assert {node.domain for node in graph.node} == {""}
    operations = collections.Counter(node.op_type for node in graph.node)
    assert not operations["BatchNormalization"] + operations["Dropout"]
    endpoint = signatures["serving_default"]
    names += [node.name for node in endpoint.graph.as_graph_def().node]
    functions = endpoint.graph.as_graph_def().library.function
    names += [node.name for f in functions for node in f.node_def]
    names += [variable.name for variable in endpoint.graph.variables]
    assert [name for name in names if "logits" in name]
    for part in ("drop_path", "auxiliary", "stateless"):
        assert not [name for name in names if part in name.lower()]


def test_a_depthwise_convolution_is_one_grouped_one(network, exported):
    """A dilated one that also strides sees every other pixel, undilated."""
    import onnx

    graph = onnx.load(exported / "small.onnx").graph
    grouped = collections.Counter()
    dilated = 0
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        found = {a.name: a for a in node.attribute}
        grouped[found["group"].i > 1] += 1
        dilated += [*found["dilations"].ints] == [2, 2]
    paths = [v.path for v in network.variables if len(v.shape) == 4]
    paths = [p for p in paths if "auxiliary" not in p]
    assert grouped[True] == sum("/depthwise" in p for p in paths)
    assert dilated == sum(
        edge.op.startswith("dil_conv") and (cell == "normal" or edge.source > 1)
        for cell in ("normal", "reduce", "reduce")
        for edge in getattr(published("PDARTS"), cell).edges
    )


def test_a_network_of_the_mobile_space(tmp_path):
    needs_libraries()
    names = ["mb_3x3_e3" if place % 5 == 0 else "skip" for place in range(19)]
    genotype = tfnas.Genotype("mobile", layers=tuple(names))
    network = tfnas.build_network(
        genotype, input_shape=(8, 8, 1), channels=8, classes=3
    )
    done = tfnas.export_network(network, tmp_path / "out")
    assert done["deviation"] < 1e-4
    assert (tmp_path / "out" / "labels.txt").read_text() == "0\n1\n2\n"


def test_a_loaded_network_brings_its_classes_and_normalises_once(
    tiny, tmp_path, monkeypatch
):
    needs_libraries()
    network = tfnas.load(tiny.run)
    with pytest.raises(UserError, match="^mean: .*leave it out$"):
        tfnas.export_network(network, tmp_path / "out", mean=(0.3,), std=(0.4,))
    monkeypatch.setattr(tfnas.export.run, "_write", lambda source, *_: source)
    source = tfnas.export_network(network, tmp_path / "out")
    assert source.classes == network.classes == tuple("0123456789")
    assert source.mean is None and source.network is network


@pytest.mark.parametrize(
    "attentions",
    [("bam",), pytest.param(ATTENTIONS, marks=pytest.mark.slow)],
    ids=len,
)
def test_attentions_have_grouped_convolutions_too(attentions, tmp_path):
    """BAM's dilated convolutions are depthwise ones from 32 channels on."""
    needs_libraries()
    edges = [Edge("skip_connect", 0, 2, name) for name in attentions]
    cell = Cell((*edges, Edge("sep_conv_3x3", 1, 2)), (2,))
    network = tfnas.build_network(
        tfnas.Genotype("darts", normal=cell, reduce=cell),
        input_shape=(8, 8, 1),
        channels=16,
        cells=3,
    )
    done = tfnas.export_network(network, tmp_path / "out")
    assert done["deviation"] < 1e-4


# === Image files ===


def test_a_file_of_the_network_s_size_gives_its_pixels(signatures):
    import tensorflow as tf

    images = np.random.default_rng(3).integers(0, 256, (3, 17, 16, 3))
    files = [serving.png(image) for image in images]
    by_pixels = signatures["serving_default"](
        image=tf.constant(images, tf.float32)
    )
    by_files = signatures["serving_bytes"](image_bytes=tf.constant(files))
    for name, value in by_pixels.items():
        np.testing.assert_allclose(by_files[name], value, atol=1e-5)


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3), (6, 9, 3)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_every_kind_of_file_becomes_pixels(kind, shape):
    """Pillow crops, resizes and grays the same picture."""
    import io

    from PIL import Image

    from tfnas.data.image_bytes import decode

    x, y = np.meshgrid(np.arange(40), np.arange(30))
    picture = np.stack([5 * x, 255 - 4 * y, 3 * (x + y)], -1).astype("uint8")
    file = io.BytesIO()
    image = Image.fromarray(picture)
    image.save(file, kind)
    found = decode(file.getvalue(), shape).numpy()
    assert found.shape == shape
    unit = min(30 / shape[0], 40 / shape[1])
    rows, columns = round(unit * shape[0]), round(unit * shape[1])
    top, left = (30 - rows) // 2, (40 - columns) // 2
    image = image.convert("L" if shape[-1] == 1 else "RGB")
    image = image.crop((left, top, left + columns, top + rows))
    image = image.resize(shape[1::-1], Image.Resampling.BILINEAR)
    expected = np.asarray(image, "float32").reshape(shape)
    # JPEG and GIF lose a little.
    loss = {"PNG": 1, "BMP": 1, "JPEG": 9, "GIF": 25}[kind]
    assert np.abs(found - expected).max() <= loss


@pytest.mark.parametrize(
    "file",
    [
        lambda: b"",
        lambda: b"\x89PNG",
        lambda: np.random.default_rng(0).bytes(1000),
        lambda: serving.jpeg()[:300],
        lambda: serving.bomb(),
        lambda: b"\x89PNG" + bytes(2**24),
        lambda: b"GIF89a" + b"\xff" * 100,
        lambda: b"BM" + b"\x7f" * 100,
    ],
    ids=["empty", "head", "noise", "JPEG", "bomb", "long", "GIF", "BMP"],
)
def test_what_is_no_small_image_is_refused(signatures, file):
    import tensorflow as tf

    with pytest.raises(tf.errors.OpError):
        signatures["serving_bytes"](image_bytes=tf.constant([file()]))


# === Warm-up ===


def test_warm_up_requests_are_answered_by_the_signatures(exported, signatures):
    """TensorFlow Serving's own messages read the file."""
    import tensorflow as tf

    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    path = exported / "small/1/assets.extra/tf_serving_warmup_requests"
    asked = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = logs.PredictionLog.FromString(record).predict_log.request
        assert request.model_spec.name == "small"
        name = request.model_spec.signature_name
        inputs = {
            key: tf.constant(tf.make_ndarray(value))
            for key, value in request.inputs.items()
        }
        outputs = signatures[name](**inputs)
        (count,) = {len(value) for value in inputs.values()}
        assert outputs["logits"].shape == (count, 5)
        asked.append((name, count))
    assert asked == [
        (name, count)
        for count in (1, 8)
        for name in ("serving_default", "serving_bytes")
    ]
