"""The command of an export, what it refuses, and its gate."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from published import published

import tfnas
from tfnas.errors import UserError
from tfnas.export.requirements import LIBRARIES

ROOT = Path(__file__).parents[1]
TRAINED = "darts_fashion_mnist.fashion_mnist_c10_l5"


def needs_libraries():
    for library in LIBRARIES:
        pytest.importorskip(library)


@pytest.fixture(scope="module")
def network():
    return tfnas.build_network(
        published("PDARTS"),
        input_shape=(8, 8, 3),
        channels=2,
        cells=1,
        classes=5,
    )


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

    from tfnas.export import onnx_file

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
    from tfnas.export import onnx_file

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
        (
            ["--model=darts_fashion_mnist.fashion_mnist_c10_l5"],
            "--out: missing",
        ),
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
    refuse(
        lambda: tfnas.export_network(network, tmp_path / "x", **arguments),
        words,
    )
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_missing_library_is_one_line(network, tmp_path, monkeypatch, library):
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == library else 1
    )
    refuse(
        lambda: tfnas.export_network(network, tmp_path / "x"),
        f"needs {library}; pip install 'tfnas[export]'",
    )


# === The gate ===


def test_unequal_forms_leave_nothing(network, tmp_path, monkeypatch):
    """The reference is another network's."""
    needs_libraries()
    from tfnas.export import run

    def other(*arguments):
        return lambda images: np.full((len(images), 5), 3, "float32")

    monkeypatch.setattr(run, "reference", other)
    refuse(
        lambda: tfnas.export_network(network, tmp_path / "x"), "deviates from"
    )
    assert not [*tmp_path.iterdir()]


def test_a_deviation_is_seen():
    from tfnas.export.parity import deviation

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

    from tfnas.export.parity import check_graph

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
        "found = runpy.run_path('tfnas/export/replay.py')\n"
        "try: found['main']('none', 'none', 'none')\n"
        "except OSError: pass\n"
        "try: import tfnas\n"
        "except ImportError: print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout == "refused\n", done.stderr
