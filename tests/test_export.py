"""A network exports, equal, whole, without what only training needs."""

import collections
import hashlib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import serving
from published import published

import tfnas
from tfnas.errors import UserError
from tfnas.exporting.requirements import LIBRARIES

ROOT = Path(__file__).parents[1]
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
    done = tfnas.export(network, folder, "small", labels, **NORM)
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
    assert dilated == sum("/dil_conv" in p and "/depthwise" in p for p in paths)
    assert dilated > 0


def test_a_network_of_the_mobile_space(tmp_path):
    needs_libraries()
    genotype = tfnas.Genotype("mobile", layers=("mb_3x3_e3",) * 19)
    network = tfnas.build_network(
        genotype, input_shape=(8, 8, 1), channels=8, classes=3
    )
    done = tfnas.export(network, tmp_path / "out")
    assert done["deviation"] < 1e-4
    assert (tmp_path / "out" / "labels.txt").read_text() == "0\n1\n2\n"


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

    from tfnas.exporting.image_bytes import decode

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


# === The command ===


def test_the_command_says_where_and_how_well(served):
    lines = served.said.splitlines()
    assert lines[0] == str(served.folder / served.name / "1")
    assert [line.split(":")[0] for line in lines[3:]] == [
        *("float32", "float16", "int8")
    ]
    about = json.loads((served.folder / "model.json").read_text())
    tests = about["tests"]
    recorded = tfnas.zoo.entry(served.name, served.zoo).test
    assert tests["float32"] == recorded
    assert tests["float16"]["images"] == tests["int8"]["images"] == 360
    assert about["source"]["zoo"] == served.name


@pytest.mark.parametrize("kind", ["float16", "int8"])
def test_other_types_are_smaller_and_nearly_equal(served, kind):
    import onnx

    from tfnas.exporting import onnx_file

    place = served.folder / f"{served.name}_{kind}.onnx"
    onnx.checker.check_model(str(place))
    types = {t.data_type for t in onnx.load(place).graph.initializer}
    assert onnx.TensorProto.DataType.Value(kind.upper()) in types
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 1))
    images = images.astype("float32")
    whole = onnx_file.runner(served.folder / f"{served.name}.onnx")(images)
    found = onnx_file.runner(place)(images)
    assert found["logits"].dtype == np.float32
    difference = np.abs(found["probabilities"] - whole["probabilities"])
    assert difference.max() < {"float16": 0.02, "int8": 0.3}[kind]


def test_a_run_is_exported_as_the_zoo_s_network_is(tiny, served, tmp_path):
    from tfnas import export
    from tfnas.exporting import onnx_file

    flags = [f"--run={tiny.run}", f"--out={tmp_path}/out", "--name=mine"]
    export.main(["export", *flags, "--opset=18"])
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1))
    images = images.astype("float32")
    one = onnx_file.runner(tmp_path / "out" / "mine.onnx")(images)
    other = onnx_file.runner(served.folder / f"{served.name}.onnx")(images)
    np.testing.assert_allclose(one["logits"], other["logits"], atol=1e-5)
    about = json.loads((tmp_path / "out" / "model.json").read_text())
    assert about["opset"] == 18
    assert about["preprocessing"]["mean"] == pytest.approx([0.305435], 1e-4)


def test_help_is_there_without_tensorflow():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tfnas.export", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0
    assert "--quantize=" in done.stdout
    assert not re.search(r"\| +(tensorflow|keras|numpy)\n", done.stderr)


# === Refusals ===


def refuse(function, words):
    with pytest.raises(UserError) as error:
        function()
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--model: missing"),
        (["--model=darts_digits.digits_c16_l6"], "--out: missing"),
        (["--model=darts_digit", "--out=x"], "did you mean"),
        (["--model=../x", "--out=x"], "not a name of the zoo"),
        (["--run=nowhere", "--out=x"], "--run=nowhere: no such folder"),
        (["--run=x", "--model=y", "--out=x"], "leave out --model"),
        (["--model=PDARTS", "--out=x", "--opset=19"], "--opset=19: use 17"),
        (["--model=PDARTS", "--out=x", "--quantize=int4"], "--quantize=int4"),
        (["--model=PDARTS", "--out=x", "--name=a/b"], "name=a/b: use letters"),
        (["--modle=x"], "did you mean --model?"),
    ],
)
def test_flags_that_do_not_fit(arguments, words, tmp_path, monkeypatch):
    needs_libraries()
    from tfnas import export

    monkeypatch.chdir(tmp_path)
    refuse(lambda: export.main(["export", *arguments]), words)
    assert not [*tmp_path.iterdir()]


def test_a_network_without_weights_is_not_exported(tmp_path):
    needs_libraries()
    from tfnas import export

    flags = ["--model=PDARTS", f"--out={tmp_path}/x"]
    refuse(lambda: export.main(["export", *flags]), "has no weights")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "../x"}, "name=../x"),
        ({"name": "model.json"}, "is the name of a file"),
        ({"classes": ["a"]}, "classes: 1 names, but the network has 5"),
        ({"mean": (0.5, 0.5, 0.5)}, "mean, std: give both"),
        ({"mean": (0.5,), "std": (1.0,)}, "mean: 1 values"),
    ],
)
def test_arguments_that_do_not_fit(network, tmp_path, arguments, words):
    needs_libraries()
    refuse(lambda: tfnas.export(network, tmp_path / "x", **arguments), words)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_missing_library_is_one_line(network, tmp_path, monkeypatch, library):
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == library else 1
    )
    refuse(
        lambda: tfnas.export(network, tmp_path / "x"),
        f"needs {library}; pip install 'tfnas[export]'",
    )


# === The gate ===


def test_unequal_forms_leave_nothing(network, tmp_path, monkeypatch):
    """The reference is another network's."""
    needs_libraries()
    from tfnas.exporting import graph

    def other(*arguments):
        return lambda images: np.full((len(images), 5), 3, "float32")

    monkeypatch.setattr(graph, "reference", other)
    small = keras.Model(network.input, network.output["logits"])
    refuse(lambda: tfnas.export(small, tmp_path / "x"), "deviates from")
    assert not [*tmp_path.iterdir()]


def test_a_deviation_is_seen():
    from tfnas.exporting.parity import deviation

    logits = np.array([[1.0, 2.0]], "float32")
    share = np.exp(logits) / np.exp(logits).sum()
    good = {"logits": logits, "probabilities": share, "class": np.array([1])}
    assert deviation(logits, good) < 1e-6
    assert deviation(logits, {**good, "logits": logits + 1e-3}) > 1e-4
    assert deviation(logits, {**good, "probabilities": share * 1.01}) > 1e-3
    assert deviation(logits, {**good, "class": np.array([0])}) == np.inf
    assert not deviation(logits * np.nan, good) <= 1e-4


@pytest.mark.parametrize(
    ("layer", "jit", "words"),
    [
        (lambda: keras.layers.Dense(3), True, "is compiled by XLA"),
        (lambda: keras.layers.Dense(3, name="drop_path"), False, "training"),
    ],
)
def test_a_graph_of_training_is_refused(tmp_path, layer, jit, words):
    import tensorflow as tf

    from tfnas.exporting.parity import check_graph

    model = keras.Sequential([keras.Input((2,)), layer()])
    module = tf.Module()
    module.model = model

    @tf.function(jit_compile=jit, autograph=False)
    def inner(x):
        return model(x)

    @tf.function(input_signature=[tf.TensorSpec((None, 2))], autograph=False)
    def serve(x):
        return inner(x)

    path = str(tmp_path / "saved")
    tf.saved_model.save(module, path, {"serving_default": serve})
    refuse(lambda: check_graph(path), words)


def test_replay_cannot_import_tfnas():
    code = (
        "import runpy, sys\n"
        "sys.path.insert(0, '.')\n"
        "found = runpy.run_path('tfnas/exporting/replay.py')\n"
        "try: found['main']('none', 'none', 'none')\n"
        "except OSError: pass\n"
        "try: import tfnas\n"
        "except ImportError: print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout == "refused\n", done.stderr
