"""NAS-Bench-201's supernet and networks, written out.

A second implementation in plain TensorFlow, apart from tfnas, edge by edge on
the layers of `reference_layers`. Source: NAS-Bench-201 (arXiv:2001.00326),
section 2.1 and figure 1, and its authors' code (github.com/D-X-Y/
AutoDL-Projects, commit f46486e, `cell_operations.py`, `search_cells.py`).
"""

import tensorflow as tf
from reference_architecture import relaxed
from reference_cells import edge, of_row, skip_masks
from reference_layers import (
    OPERATIONS,
    Part,
    batch_norm,
    classify,
    convolution,
    dense,
    linear,
)

# (from, to), in the order of alpha's rows.
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


def operate(name, x, part, stride):
    """Unlike DARTS's, the pool has no batch norm in the supernet either."""
    return OPERATIONS[name](x, part, stride)


def search_cell(x, part, method, operations, weights, dropout=None):
    """Three nodes, each the sum of its edges from all states before."""
    names = [
        [
            operations[row]
            for row, (source, _) in enumerate(EDGES)
            if source == j
        ]
        for j in range(3)
    ]
    masks = skip_masks(names, [1] * 3, dropout)
    states = [x]
    for node in (1, 2, 3):
        total = 0
        for j in range(node):
            total += edge(
                states[j],
                part / f"state_{j}",
                method,
                names[j],
                node - j - 1,
                1,
                of_row(weights, EDGES.index((j, node))),
                masks[j],
                operate,
            )
        states.append(total)
    return states[3]


def derived_cell(x, part, genotype):
    """The cell of a genotype; a node that only `none` reaches is zero."""
    states = [x]
    for node in (1, 2, 3):
        terms = [
            operate(
                e.op,
                states[e.source],
                part / f"node_{node}" / f"from_{e.source}" / e.op,
                1,
            )
            for e in genotype.cell.edges
            if e.to == node
        ]
        states.append(sum(terms))
    return states[3]


def residual_block(x, part):
    """Two 3x3 convolutions, and a 1x1 one on the mean of 2x2 pixels."""
    y = dense(dense(x, part / "first", 2), part / "second", 1)
    squares = [x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return y + linear(sum(squares) / 4, part["shortcut"])


def logits(part, cells, images, cell, classifier):
    """Stem, three stacks of cells, two blocks, norm, ReLU, classifier."""
    x = convolution(images, (part / "stem")["convolution"])
    x = batch_norm(x, part / "stem" / "norm")
    for index in range(cells):
        if index and index % (cells // 3) == 0:
            x = residual_block(x, part / f"block_{index // (cells // 3)}")
        x = cell(x, part / f"cell_{index:02}")
    x = tf.nn.relu(batch_norm(x, part / "last_norm"))
    return classify(x, part / classifier)


def supernet_logits(supernet, images, training, draws=None, radius=None):
    """As `reference_cells.supernet_logits`, for a `BenchSupernet`."""
    part, method = Part.of(supernet, training), supernet.method
    noise = None if radius is None else (radius, 2 * next(draws) - 1)
    weights = relaxed(part / "architecture", "cell", method, 3, 1, noise)
    if method.auxiliary_skip:
        weights["auxiliary"] = part["auxiliary_weight"]
    dropout = None
    if training and any(method.skip_dropout):
        dropout = draws, part["skip_dropout_rate"].numpy()

    def cell(x, own):
        names = supernet.operations["cell"]
        return search_cell(x, own, method, names, weights, dropout)

    return logits(part, supernet.cell_count, images, cell, "classifier")


def network_logits(network, genotype, cells, images, training):
    """The logits of a genotype's network."""
    return logits(
        Part.of(network, training),
        cells,
        images,
        lambda x, part: derived_cell(x, part, genotype),
        "logits",
    )
