"""What a search says of itself, above all the command that goes on."""

import shlex

import pytest

from tfnas import command, summary
from tfnas.methods.method import Method
from tfnas.search import SearchConfig, resolve


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"method": "pdarts", "attention": "after_every", "epochs": 3},
        {"order": 2, "nodes": 3, "cells": (5,), "channels": 8},
        {
            "method": "fair_darts",
            "cells": (3, 4),
            "operations_kept": (4,),
            "skip_dropout": (0.0, 0.3),
        },
        {"method": "fair_darts", "space": "mobile", "batch_size": 32},
        {"dataset": "image_folder", "data_dir": "my images", "image_size": 48},
        {"train_images": 100, "seed": 3, "auxiliary_skip": True},
    ],
    ids=str,
)
def test_the_next_command_is_the_same_search_at_the_paper_s_size(flags):
    config, method = resolve(flags)
    _, _, module, *words = shlex.split(
        summary.next_command(config, method, "runs/mine")
    )
    assert module == "tfnas.search"
    given = command.parse(["search", *words], SearchConfig, Method)
    later, paper = resolve(given)
    assert (later.out, later.preset) == ("runs/mine_paper", "paper")
    assert later.train_images is None
    for name in ("method", "dataset", "data_dir", "image_size"):
        assert getattr(later, name) == getattr(config, name)
    own = resolve({"method": config.method, "preset": "paper"})[1].values()
    for name, value in paper.values().items():
        stages = name == "cells" and len(paper.cells) != len(own["cells"])
        size = name in summary.SIZE and not stages
        assert value == (own[name] if size else method.values()[name]), name
