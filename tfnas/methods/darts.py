"""DARTS: relax the choice by a softmax, descend in alpha and w in turn."""

from tfnas.methods.method import Method

METHOD = Method(
    name="darts",
    title="DARTS",
    paper="Liu, Simonyan and Yang. DARTS: Differentiable Architecture Search. "
    "ICLR 2019. arXiv:1806.09055",
    presets={
        "paper": {},
        "quick": {"epochs": 12, "halves": "stratified"},
    },
)
