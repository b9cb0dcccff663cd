"""The DARTS supernet with what other methods add to its edges, written out.

A second implementation in plain TensorFlow, apart from tfnas: edge by edge, on
the layers of `reference_layers`. Sources:

- the cell: DARTS (arXiv:1806.09055), section 2.1;
- partial channels and edge weights: PC-DARTS (arXiv:1907.05737), equations 4
  and 5, and its authors' code (github.com/yuhuixu1993/PC-DARTS, commit
  b74702f, `model_search.py`);
- the auxiliary skip: DARTS- (arXiv:2009.01027), equation 6;
- dropout on skips: P-DARTS (arXiv:1904.12760), section 3.3, and its authors'
  code (github.com/chenxin061/pdarts, commit b880e87, `model_search.py`);
- attention: `reference_attention`;
- the stem for ImageNet: `model_search_imagenet.py` of PC-DARTS.
"""

import numpy as np
import tensorflow as tf
from reference_architecture import relaxed
from reference_attention import (
    AT_THE_END,
    SECOND,
    candidate,
    mixed_again,
    mixed_attention,
)
from reference_layers import (
    OPERATIONS,
    Part,
    batch_norm,
    classify,
    convolution,
    factorized_reduce,
    relu_conv_bn,
    skip,
)

KINDS = ("normal", "reduce")

# === An edge ===


def edge(
    x,
    part,
    method,
    names,
    number,
    stride,
    weights,
    mask=None,
    operate=candidate,
):
    """What one of the edges that leave a state brings to its node.

    Args:
        x: the state.
        part: the variables of all edges that leave it.
        method: says what surrounds the mixture.
        names: the candidates of each of these edges.
        number: of the edge among them.
        stride: 1 or 2.
        weights: {name: of this edge}.
        mask: what multiplies the skips of all edges that have one, or None.
        operate: what a candidate does, by its name.
    """
    parts, edges = method.partial_channels, len(names)
    width = x.shape[-1] // parts
    y = 0
    for name, weight in zip(
        names[number], tf.unstack(weights["alphas"]), strict=True
    ):
        # Candidates keep the weights of the edges that have them side by side.
        having = [i for i, others in enumerate(names) if name in others]
        place = having.index(number), len(having)
        own = (part / "mixed" / name).on(*place)
        z = operate(name, x[..., :width], own, stride)
        if name == "skip_connect" and mask is not None:
            z *= np.split(mask, place[1], -1)[place[0]]
        y += weight * z
    if parts > 1:
        y = shuffled(tf.concat([y, bypass(x[..., width:], stride)], -1), parts)
    if method.auxiliary_skip:
        own = (part / "skip_connect").on(number, edges)
        y += weights["auxiliary"] * skip(x, own, stride)
    if method.attention in SECOND:
        betas = weights["betas"]
        y = mixed_again(y, part, method.attention, betas, number, edges)
    return weights.get("edges", 1) * y


def bypass(x, stride):
    """The channels that no operation sees; a 2x2 maximum at stride 2."""
    if stride == 1:
        return x
    corners = [x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return tf.reduce_max(tf.stack(corners), 0)


def shuffled(x, groups):
    """Channel j of group g comes to be the g-th of the j-th few."""
    size = x.shape[-1] // groups
    order = [g * size + j for j in range(size) for g in range(groups)]
    return tf.gather(x, order, axis=-1)


def skip_masks(names, strides, dropout):
    """For each state, what dropout multiplies its skips by, or None.

    A number below the rate drops its element; the others grow by 1 / (1 -
    rate). At stride 2 a skip is no identity and stays whole.

    Args:
        names: the candidates of the edges that leave each state.
        strides: of these edges, by state.
        dropout: the numbers that are drawn and the rate, or None.
    """
    if dropout is None:
        return [None] * len(names)
    draws, rate = dropout
    return [
        (next(draws) >= rate) / (1 - rate)
        if stride == 1 and any("skip_connect" in own for own in edges)
        else None
        for edges, stride in zip(names, strides, strict=True)
    ]


# === A cell ===


def cell(inputs, part, method, nodes, operations, weights, how, dropout=None):
    """Nodes, each the sum of its edges from all states before.

    Args:
        inputs: the outputs of the two cells before.
        part: the cell's variables.
        method: as in `edge`.
        nodes: their number.
        operations: the candidates of every edge, node by node.
        weights: {name: a row for every edge}.
        how: whether the cell is a reduction, and whether the last one was.
        dropout: the numbers and the rate of the skips' dropout, or None.
    """
    reduction, after_reduction = how
    states = preprocessed(inputs, part, after_reduction)
    rows = [(j, i) for i in range(nodes) for j in range(i + 2)]
    strides = [2 if reduction and j < 2 else 1 for j in range(nodes + 1)]
    names = [
        [operations[row] for row, (source, _) in enumerate(rows) if source == j]
        for j in range(nodes + 1)
    ]
    masks = skip_masks(names, strides, dropout)
    for node in range(nodes):
        total = 0
        for j in range(node + 2):
            total += edge(
                states[j],
                part / f"state_{j}",
                method,
                names[j],
                node - max(0, j - 1),  # state 0 and 1 lead to every node
                strides[j],
                of_row(weights, rows.index((j, node))),
                masks[j],
            )
        states.append(total)
    output = tf.concat(states[2:], -1)
    if method.attention in AT_THE_END:
        output = mixed_attention(output, part / "end", weights["gammas"])
    return output


def of_row(weights, row):
    """An edge's own weights, and what all of them share."""
    rows = ("alphas", "betas", "edges")
    return {k: v[row] if k in rows else v for k, v in weights.items()}


def preprocessed(inputs, part, after_reduction):
    """The inputs, brought to the cell's channels and map size."""
    first = factorized_reduce if after_reduction else relu_conv_bn
    return [
        first(inputs[0], part / "preprocess_0"),
        relu_conv_bn(inputs[1], part / "preprocess_1"),
    ]


# === Networks ===


def imagenet_stem(images, parts):
    """Three 3x3 convolutions of stride 2; the inputs of the first cell."""
    outputs = [images]
    for index, part in enumerate(parts):
        x = tf.nn.relu(outputs[-1]) if index else outputs[-1]
        x = convolution(x, part["convolution"], stride=2)
        outputs.append(batch_norm(x, part / "norm"))
    return outputs[2:]


def supernet_logits(supernet, images, training, draws=None, radius=None):
    """The logits of a `tfnas.Supernet`, whose sizes and weights this reads.

    Args:
        supernet: the network.
        images: (N, H, W, C), float64.
        training: whether batch norms use the batch's statistics.
        draws: an iterator over the numbers in 0..1 that are drawn, in order.
        radius: of SDARTS's perturbation, or None.
    """
    part, method = Part.of(supernet, training), supernet.method
    weights = {}
    for kind in KINDS:
        noise = None if radius is None else (radius, 2 * next(draws) - 1)
        weights[kind] = relaxed(
            part / "architecture", kind, method, supernet.nodes, 2, noise
        )
        if method.auxiliary_skip:
            weights[kind]["auxiliary"] = part["auxiliary_weight"]
    if method.stem == "imagenet":
        names = ("stem_0", "stem_1", "stem_2")
        states = imagenet_stem(images, [part / "stem" / n for n in names])
    else:
        x = convolution(images, (part / "stem")["kernel"])
        states = [batch_norm(x, part / "stem_norm")] * 2
    cells, halved = supernet.cell_count, method.stem == "imagenet"
    dropout = None
    if training and any(method.skip_dropout):
        dropout = draws, part["skip_dropout_rate"].numpy()
    for index in range(cells):
        reduction = index in (cells // 3, 2 * cells // 3)
        kind = KINDS[reduction]
        output = cell(
            states,
            part / f"cell_{index}",
            method,
            supernet.nodes,
            supernet.operations[kind],
            weights[kind],
            (reduction, halved),
            dropout,
        )
        states, halved = [states[1], output], reduction
    return classify(states[1], part / "classifier")


def imagenet_network_logits(network, genotype, cells, images, training):
    """The logits of a genotype's network with the stem for ImageNet."""
    part = Part.of(network, training)
    names = ("stem_0", "stem_1", "stem_2")
    states, halved = imagenet_stem(images, [part / n for n in names]), True
    for index in range(cells):
        reduction = index in (cells // 3, 2 * cells // 3)
        own = getattr(genotype, KINDS[reduction])
        output = derived_cell(
            states, part / f"cell_{index:02}", own, reduction, halved
        )
        states, halved = [states[1], output], reduction
    return classify(states[1], part / "logits")


def derived_cell(inputs, part, own, reduction, after_reduction):
    """The cell of a genotype: two edges a node, each with one operation."""
    states = preprocessed(inputs, part, after_reduction)
    for number, e in enumerate(own.edges):
        place = part / f"node_{e.to}" / f"edge_{number % 2}" / e.op
        stride = 2 if reduction and e.source < 2 else 1
        term = OPERATIONS[e.op](states[e.source], place, stride)
        if number % 2:
            states[-1] += term
        else:
            states.append(term)
    return tf.concat(states[2:], -1)
