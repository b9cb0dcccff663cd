"""DrNAS: draw the mixture from a Dirichlet distribution, in two stages."""

from tfnas.methods.method import Method
from tfnas.spaces import nasbench201
from tfnas.spaces.darts import PRIMITIVES

METHOD = Method(
    name="drnas",
    title="DrNAS",
    paper="Chen, Wang, Cheng, Tang and Hsieh. DrNAS: Dirichlet Neural "
    "Architecture Search. ICLR 2021. arXiv:2006.10355",
    # === Search space ===
    operations=PRIMITIVES[1:],
    channels=36,
    partial_channels=6,
    # === Relaxation ===
    relaxation="dirichlet",
    # === Bilevel update ===
    # The authors' code holds beta near 1 by alpha's L2, since elu(0) + 1 = 1,
    # and has the divergence as its other choice: the preset kl.
    learning_rate=0.1,
    learning_rate_min=0.0,
    alpha_learning_rate=6e-4,
    # === Schedule ===
    epochs=25,
    cells=(20, 20),
    operations_kept=(4,),
    later_partial_channels=(4,),
    keep_alpha=True,
    warmup_epochs=10,
    skip_dropout=(0.0, 0.0),
    presets={
        "paper": {},
        "kl": {"dirichlet_kl": 1e-3, "alpha_weight_decay": 0.0},
        # The authors' `201-space/train_search_progressive.py`.
        "bench201": {
            "space": "nasbench201",
            "operations": nasbench201.PRIMITIVES,
            "operations_kept": (3,),
            "channels": 16,
            "partial_channels": 4,
            "later_partial_channels": (2,),
            "learning_rate": 0.025,
            "learning_rate_min": 0.001,
            "alpha_learning_rate": 3e-4,
            "epochs": 50,
        },
        "quick": {
            "channels": 16,
            "partial_channels": 4,
            "cells": (8, 8),
            "later_partial_channels": (2,),
            "epochs": 6,
            "warmup_epochs": 2,
            "halves": "stratified",
        },
    },
)
