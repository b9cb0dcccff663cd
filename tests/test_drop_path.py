"""Drop path: which paths, how often, and that its randomness is stateless."""

import os
import sys
from pathlib import Path

import distributed_network
import numpy as np
import preloaded
import pytest
import tensorflow as tf
from published import published

import tfnas
from tfnas.genotype import Cell, Edge
from tfnas.layers.drop_path import DropPath
from tfnas.networks.genotype_cell import GenotypeCell

HERE = Path(__file__).parent
IMAGES = np.zeros((3000, 1, 1, 1), "float32")


def layer(rate=0.25, paths=(3, 0, 2)):
    drop = DropPath(rate, paths)
    drop.build(IMAGES.shape)
    return drop


def draw(drop, images=IMAGES):
    return np.concatenate(drop(images, training=True), 1)


def test_paths_are_kept_with_their_probability_and_scaled():
    factors = draw(layer(0.25))
    assert factors.shape == (3000, 5)
    kept = factors > 0
    assert kept.mean(0) == pytest.approx([0.75] * 5, abs=0.03)
    np.testing.assert_allclose(factors[kept], 1 / 0.75, rtol=1e-6)
    # Paths and images are independent of each other.
    assert np.abs(np.corrcoef(kept.T) - np.eye(5)).max() < 0.08


def test_draws_are_a_function_of_seed_and_step():
    drop = layer()
    first, second = draw(drop), draw(drop)
    assert (first != second).any()
    assert drop.seed.numpy().tolist() == [0, 2]
    drop.seed.assign([0, 0])
    np.testing.assert_array_equal(draw(drop), first)
    drop.seed.assign([1, 0])
    assert (draw(drop) != first).any()
    # Of a smaller batch, the images at the same places have the same draws.
    drop.seed.assign([0, 0])
    np.testing.assert_array_equal(draw(drop, IMAGES[:7]), first[:7])


def test_two_replicas_drop_what_one_would(tmp_path):
    out = tmp_path / "two.npz"
    program = [sys.executable, HERE / "distributed_network.py", "2", out]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
    done = preloaded.run(program, env=environment)
    assert done.returncode == 0, done.stderr
    one = distributed_network.train(tf.distribute.get_strategy())
    with np.load(out, allow_pickle=False) as two:
        assert set(two.files) == one.keys()
        assert two["drop_path/seed"].tolist() == [0, 3]
        for name, expected in one.items():
            assert np.abs(two[name] - expected).max() < 1e-4, name


def test_outside_of_training_nothing_is_dropped():
    drop = layer(0.9)
    assert all(np.all(x == 1) for x in drop(IMAGES))
    assert drop.seed.numpy().tolist() == [0, 0]


def test_the_rate_is_a_variable():
    drop = layer(0.25)
    assert drop.rate.numpy() == 0.25
    drop.rate.assign(0)
    assert np.all(draw(drop) == 1)


# === Which paths of a cell ===


def places(edges, **options):
    cell = GenotypeCell(Cell(edges, (2,)), 4, **options)
    return [place for _, place in cell.paths]


EDGES = (
    Edge("skip_connect", 0, 2),
    Edge("sep_conv_3x3", 0, 2, "identity"),
    Edge("sep_conv_3x3", 0, 2, "se"),
    Edge("max_pool_3x3", 1, 2),
    Edge("skip_connect", 1, 2, "cbam"),
    Edge("sep_conv_3x3", 3, 4),
)


def test_identities_and_inert_edges_are_not_dropped():
    assert places(EDGES) == [2, 3]


def test_a_skip_that_halves_the_map_is_no_identity():
    assert places(EDGES, reduction=True) == [0, 2, 3, 4]


def test_fair_darts_drops_whole_nodes():
    assert places(EDGES, drop="node") == [2]


@pytest.mark.parametrize("drop", ["edge", "node"])
def test_a_dropped_path_contributes_nothing(drop):
    edges = (Edge("avg_pool_3x3", 0, 2), Edge("skip_connect", 1, 2))
    cell = GenotypeCell(Cell(edges, (2,)), 4, drop=drop)
    inputs = [np.random.default_rng(0).normal(size=(3, 4, 4, 4))] * 2
    whole = np.array(cell(inputs, training=True))
    factors = np.array([[0.0], [1.0], [2.0]])
    dropped = np.array(cell(inputs, factors=factors, training=True))
    skip = np.array(cell.preprocess[1](inputs[1], training=True))
    kept = 0 if drop == "node" else skip
    path = whole - kept
    np.testing.assert_allclose(
        dropped, kept + factors[:, :, None, None] * path, atol=1e-6
    )
    # In evaluation the factors do not count.
    np.testing.assert_array_equal(cell(inputs, factors=factors), cell(inputs))


@pytest.mark.parametrize(
    ("genotype", "drop"),
    [
        (published("DARTS_V2"), "edge"),
        (published("NASNet"), "edge"),
        (published("FairDARTS_b"), "node"),
        (published("DCO_EDGE_BS_64"), "node"),
        (published("FairDARTS_d"), "edge"),
        (published("FairDARTS_d", method="fair_darts"), "node"),
    ],
)
def test_whose_cells_drop_nodes(genotype, drop):
    network = tfnas.build_network(genotype, channels=4, cells=3, drop_path=0.2)
    cells = [network.get_layer(f"cell_{i:02}") for i in range(3)]
    assert {cell.drop for cell in cells} == {drop}
    counts = [len(cell.paths) for cell in cells]
    assert network.get_layer("drop_path").paths == counts


def test_without_drop_path_there_is_no_such_layer():
    network = tfnas.build_network(published("PDARTS"), channels=4, cells=3)
    assert "drop_path" not in {layer.name for layer in network.layers}
