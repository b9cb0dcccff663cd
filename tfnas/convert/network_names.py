"""The authors' names of the variables of an evaluation network.

An edge's names follow its place g in the genotype's list: `_ops.g` (DARTS,
P-DARTS, PC-DARTS); `_first_layers.g` and `_second_layers.g` if there is an
attention in either cell (Att-DARTS); `_ops.to.from.n`, n counting operations
of the same edge, in networks that drop whole nodes (Fair DARTS).
"""

from tfnas.convert.layouts import CONVOLUTION, DENSE, VECTOR, entries_of, entry
from tfnas.errors import UserError
from tfnas.genotype import ATTENTIONS
from tfnas.layers.attention.modules import Attention
from tfnas.layers.attention.operation import AttentionOperation
from tfnas.networks.genotype_cell import GenotypeCell

# The authors' modules of our stem convolutions, with the places of the
# convolution and its batch norm in them.
_STEMS = {
    "stem": ("stem", 0, 1),
    "stem_0": ("stem0", 0, 1),
    "stem_1": ("stem0", 3, 4),
    "stem_2": ("stem1", 1, 2),
}


def entries(model):
    """The entries of a network of `build_network`: a list of `Entry`.

    Raises:
        UserError: for a model that the authors do not have.
    """
    cells = [x for x in model.layers if isinstance(x, GenotypeCell)]
    if not cells:
        raise UserError(
            f"{model.name}: the authors have no such network; give a Supernet "
            "or the network of a genotype of space darts"
        )
    layers = {layer.name: layer for layer in model.layers}
    found = stem_entries(model.layers)
    names = _names(cells)
    for index, cell in enumerate(cells):
        found += _cell(cell, f"cells.{index}", names)
    if "auxiliary" in layers:
        found += entries_of(layers["auxiliary"], [["auxiliary_head"]])
    classifier = layers["logits"]
    found.append(entry(classifier.kernel, [["classifier"]], "weight", DENSE))
    found.append(entry(classifier.bias, [["classifier"]], "bias", VECTOR))
    return found


def stem_entries(layers):
    """The entries of the stem convolutions among some layers."""
    found = []
    for layer in layers:
        if layer.name in _STEMS:
            module, convolution, norm = _STEMS[layer.name]
            prefix = f"{module}.{convolution}"
            found.append(
                entry(layer.convolution, [[prefix]], "weight", CONVOLUTION)
            )
            found += entries_of(layer.norm, [[f"{module}.{norm}"]])
    return found


def _cell(cell, prefix, names):
    found = []
    for index, layer in enumerate(cell.preprocess):
        found += entries_of(layer, [[f"{prefix}.preprocess{index}"]])
    for place, edge in zip(cell.live, cell.edges, strict=True):
        first = f"{prefix}.{names(cell.cell, place)}"
        second = f"{prefix}._second_layers.{place}"
        found += _module(edge.operation, first, cell.reduction)
        found += _module(edge.second, second)
    return found + _module(cell.attention, f"{prefix}._bottleneck")


def _module(layer, prefix, reduction=False):
    """The entries of an operation or an attention."""
    if isinstance(layer, AttentionOperation):
        found = []
        if layer.stride == 2:
            found += entries_of(layer.reduce, [[f"{prefix}.0"]])
        # In a reduction cell the authors have a place before every attention.
        inner = f"{prefix}.1" if reduction else prefix
        return found + _module(layer.attention, inner)
    if isinstance(layer, Attention):
        prefix = f"{prefix}._mask"
    return entries_of(layer, [[prefix]])


# === Names of an edge's operation, by author ===


def _names(cells):
    if any(_attends(cell.cell) for cell in cells):
        return _att_darts
    return _fair_darts if cells[0].drop == "node" else _darts


def _attends(cell):
    operations = {edge.op for edge in cell.edges} & set(ATTENTIONS)
    after = {edge.attention for edge in cell.edges} | {cell.attention}
    return operations or after != {None}


def _darts(cell, place):
    return f"_ops.{place}"


def _fair_darts(cell, place):
    edge = cell.edges[place]
    earlier = [(other.source, other.to) for other in cell.edges[:place]]
    count = earlier.count((edge.source, edge.to))
    return f"_ops.{edge.to}.{edge.source}.{count}"


def _att_darts(cell, place):
    return f"_first_layers.{place}"
