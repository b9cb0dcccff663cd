"""Every example of a docstring runs, and so does the one in `examples/`."""

import ast
import importlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_house import HOUSE, ROOT

import tfnas
from tfnas.export.requirements import LIBRARIES
from tfnas.genotype import Cell, Edge, Genotype

# What an example need not import; the names of its own module come on top.
KNOWN = {"np": np, "tf": tf, "keras": keras, "tfnas": tfnas}
KNOWN |= {"Cell": Cell, "Edge": Edge, "Genotype": Genotype}


def examples():
    """The fenced examples of all docstrings."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for module, source in HOUSE.items():
        for node in ast.walk(ast.parse(source)):
            text = ast.get_docstring(node) if isinstance(node, kinds) else None
            name = f"{module}.{getattr(node, 'name', '')}".rstrip(".")
            for code in re.findall(r"```python\n(.*?)```", text or "", re.S):
                yield pytest.param(module, code, id=name)


@pytest.mark.parametrize(("module", "code"), [*examples()])
def test_an_example_runs(module, code, tmp_path, monkeypatch):
    if "export_network" in code:
        for library in LIBRARIES:
            pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    own = vars(importlib.import_module(module))
    exec(code, {**own, **KNOWN, "__name__": "example"})


def test_examples_are_found():
    assert len(list(examples())) > 50


def test_a_search_from_images_to_a_genotype(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    source = (ROOT / "examples" / "search.py").read_text(encoding="utf-8")
    smaller = {
        "EPOCHS, BATCH = 4": "EPOCHS, BATCH = 1",
        "cells=3": "cells=3, nodes=2",
    }
    for words, fewer in smaller.items():
        assert words in source
        source = source.replace(words, fewer)
    exec(source, {})
    found = Genotype.from_json(tmp_path / "genotype.json")
    assert len(found.normal.edges) == len(found.reduce.edges) == 4
    assert str(found) in capsys.readouterr().out
