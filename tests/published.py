"""The published genotypes of tests/golden/genotype_counts.json."""

import json
from pathlib import Path

from tfnas.genotype import Cell, Edge, Genotype

COUNTS = json.loads(
    (Path(__file__).parent / "golden" / "genotype_counts.json").read_text()
)
RUNS = {
    "cifar10_C36_L20": {},
    "cifar100_C36_L20": {"classes": 100},
    "cifar10_C64_L20": {"channels": 64},
    "cifar100_C64_L20": {"classes": 100, "channels": 64},
    "imagenet_C48_L14": {
        "input_shape": (224, 224, 3),
        "classes": 1000,
        "channels": 48,
        "cells": 14,
        "stem": "imagenet",
    },
}


def published(name, **provenance):
    cells = {
        kind: Cell(
            tuple(Edge(*edge) for edge in COUNTS[name][kind]["edges"]),
            tuple(COUNTS[name][kind]["concat"]),
        )
        for kind in ("normal", "reduce")
    }
    return Genotype("darts", **cells, provenance=provenance)
