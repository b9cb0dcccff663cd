"""`.keras` files of supernets and networks, loaded in fresh processes."""

import ast
import importlib
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

import tfnas
from tfnas import methods, spaces
from tfnas.networks.mobile.supernet import MobileSupernet
from tfnas.networks.nasbench201.supernet import BenchSupernet
from tfnas.networks.registered import HOMES, StandIn

ROOT = Path(__file__).parents[1]
SHAPE = (8, 8, 3)


SMALL = {"input_shape": SHAPE, "channels": 2, "cells": 3}
EVERYDAY = ("darts", "network", "zoo")


def supernet(method):
    return tfnas.Supernet(method, **{**SMALL, "channels": 4}, nodes=1)


def mobile_supernet():
    two = ["mb_3x3_e3", "skip"]
    return MobileSupernet(input_shape=SHAPE, width=0.1, operations=two)


def bench_supernet():
    method = methods.get("darts").with_flags({"space": "nasbench201"})
    return BenchSupernet(method, **SMALL)


def network(name):
    found = tfnas.zoo.genotype(name)
    parts = {"auxiliary": True, "drop_path": 0.3}
    return tfnas.build_network(found, **SMALL, **parts)


def sampled_network(space):
    """With the first operation of each choice that is one."""
    choices = spaces.get(space).choices().items()
    chosen = {k: ops[i % len(ops)] for i, (k, ops) in enumerate(choices)}
    return tfnas.build_network(spaces.get(space).genotype(chosen), **SMALL)


KINDS = {name: partial(supernet, name) for name in methods.names()} | {
    "mobile": mobile_supernet,
    "nasbench201": bench_supernet,
    "network": partial(network, "FairDARTS_a"),
    "attention_network": partial(network, "Att_DARTS"),
    "mobile_network": partial(sampled_network, "mobile"),
    "nasbench201_network": partial(sampled_network, "nasbench201"),
    "zoo": partial(tfnas.load, "random_digits.digits_c16_l6"),
}


def fill(folder, names):
    """Write files to a folder; returns {name: logits that they must give}."""
    random, images, expected = np.random.default_rng(0), {}, {}
    for name in names:
        model = KINDS[name]()
        shape = (8, 8, 1) if name == "zoo" else SHAPE
        images[name] = random.normal(size=(2, *shape)).astype("float32")
        found = model(images[name], training=False)
        found = found["logits"] if isinstance(found, dict) else found
        expected[name] = found
        model.save(folder / f"{name}.keras")
    np.savez(folder / "images.npz", **images)
    return expected


@pytest.fixture(scope="module")
def everyday(tmp_path_factory):
    folder = tmp_path_factory.mktemp("everyday")
    return folder, fill(folder, EVERYDAY)


def check(order, folder, expected):
    """Load the files in a process that imports modules in this order."""
    program = str(ROOT / "tests" / "keras_files.py")
    done = subprocess.run(
        [sys.executable, program, order, str(folder), *expected],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["registry"] and all(said["registry"].values())
    assert said["classes"]["zoo"] == [*"0123456789"]
    for name, wanted in expected.items():
        found = np.load(folder / f"{order}_{name}.npy")
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "order",
    [
        "keras,tfnas",
        # The other way round test_past.py loads three files every day.
        pytest.param("tfnas,keras", marks=pytest.mark.slow),
        # Keras arrives while this module is half imported.
        pytest.param("tfnas.layers.drop_path", marks=pytest.mark.slow),
    ],
)
def test_a_fresh_process_loads_them(everyday, order):
    check(order, *everyday)


@pytest.mark.slow
def test_a_fresh_process_loads_every_kind(tmp_path):
    check("tfnas,keras", tmp_path, fill(tmp_path, KINDS))


def registered_classes():
    """{module: names} of the classes that the sources give Keras."""
    found = {}
    for path in (ROOT / "tfnas").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            decorators = getattr(node, "decorator_list", ())
            calls = [ast.unparse(d) for d in decorators]
            if any("register_keras_serializable" in call for call in calls):
                found.setdefault(module, set()).add(node.name)
    return found


def test_every_class_of_the_sources_is_known():
    assert {k: {*names} for k, names in HOMES.items()} == registered_classes()


@pytest.mark.parametrize("module", HOMES)
def test_a_stand_in_gives_way_to_its_class(module):
    there = importlib.import_module(module)
    for name in HOMES[module]:
        found = keras.saving.get_registered_object(f"tfnas>{name}")
        assert found is getattr(there, name)


def test_a_stand_in_makes_what_its_class_makes():
    layer = StandIn("tfnas.layers.drop_path", "DropPath")
    config = {"rate": 0.2, "paths": [2, 2], "name": "drop_path"}
    assert layer.from_config(config).get_config()["paths"] == [2, 2]
