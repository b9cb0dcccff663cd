"""The DARTS space in the authors' order."""

import pytest

from tfnas import spaces
from tfnas.spaces import darts


def test_primitives_are_the_authors():
    # https://github.com/quark0/darts, cnn/genotypes.py
    assert darts.PRIMITIVES == (
        "none",
        "max_pool_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "sep_conv_3x3",
        "sep_conv_5x5",
        "dil_conv_3x3",
        "dil_conv_5x5",
    )


def test_edges_are_listed_node_by_node():
    edges = darts.edges(4)
    # The authors read the edges of a node as a slice [start, start + n),
    # where n = 2, 3, 4, 5.
    assert len(edges) == 14
    assert edges[:2] == ((0, 2), (1, 2))
    assert edges[5:9] == ((0, 4), (1, 4), (2, 4), (3, 4))
    assert [to for _, to in edges[9:]] == [5] * 5


@pytest.mark.parametrize("nodes", [1, 3, 7])
def test_every_earlier_state_has_one_edge(nodes):
    edges = darts.edges(nodes)
    assert len(set(edges)) == len(edges) == nodes * (nodes + 3) // 2
    assert all(source < to for source, to in edges)


@pytest.mark.parametrize(
    ("cells", "positions"),
    # DARTS searches with 8 cells and trains 20 (CIFAR-10) or 14 (ImageNet);
    # P-DARTS searches with 5, 11 and 17.
    [(8, (2, 5)), (20, (6, 13)), (14, (4, 9)), (5, (1, 3)), (17, (5, 11))],
)
def test_reductions_are_at_a_third_and_two_thirds(cells, positions):
    assert darts.reductions(cells) == positions


def test_spaces_by_name():
    assert set(spaces.names()) == {"darts", "mobile", "nasbench201"}
