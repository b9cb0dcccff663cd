"""What a search says of itself, above all the command that goes on."""

import shlex
import types

import pytest

from tfnas import cost, methods, train, zoo
from tfnas.cli import command
from tfnas.runs import summary
from tfnas.search import resolve
from tfnas.train import TrainConfig
from tfnas.train.recipe import Recipe


@pytest.mark.parametrize(
    ("flags", "preset"),
    [
        ({}, "quick"),
        ({"method": "pdarts", "attention": "after_every"}, "quick"),
        ({"dataset": "fashion_mnist", "train_images": 100}, "small"),
        (
            {
                "dataset": "image_folder",
                "data_dir": "my images",
                "image_size": 48,
                "seed": 3,
            },
            "small",
        ),
    ],
    ids=str,
)
def test_the_next_command_trains_what_the_search_found(flags, preset, tmp_path):
    config, _ = resolve(flags)
    folder = tmp_path / "mine"
    folder.mkdir()
    found = zoo.genotype("PDARTS")
    (folder / "genotype.json").write_text(found.to_json())
    _, _, module, *words = shlex.split(summary.next_command(config, folder))
    assert module == "tfnas.train"
    given = command.parse(["train", *words], TrainConfig, Recipe)
    later, _, genotype = train.resolve(given)
    assert genotype == found
    assert (later.out, later.preset) == (f"{folder}_trained", preset)
    assert later.train_images is None
    for name in ("dataset", "data_dir", "image_size", "seed"):
        assert getattr(later, name) == getattr(config, name)


@pytest.mark.parametrize("budget", [0.0, 600.0])
def test_the_network_is_counted_with_the_search_s_stem(budget):
    """The budget is, so that the two can be compared."""
    flags = {"stem": "imagenet", "budget_macs": budget}
    supernet = types.SimpleNamespace(
        cost=cost.Cost,
        image_shape=(64, 64, 3),
        classes=10,
        channels=16,
        method=methods.get("darts").with_flags(flags),
    )
    found = zoo.genotype("PDARTS")
    noted = summary.summary(
        supernet, found, seconds=1.0, checkpoint_seconds=0.0, next_command=""
    )
    counted = cost.network_cost(found, input_shape=(64, 64, 3), stem="imagenet")
    assert noted["network"]["multiply_adds"] == counted.multiply_adds
    known = {"budget_multiply_adds": 600_000_000} if budget else {}
    assert {k: v for k, v in noted.items() if "budget" in k} == known
