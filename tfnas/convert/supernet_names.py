"""The authors' names of the variables of a supernet."""

import dataclasses

from tfnas.convert.layouts import (
    CONVOLUTION,
    DENSE,
    MATRIX,
    VECTOR,
    Entry,
    below,
    entries_of,
)
from tfnas.convert.network_names import stem_entries
from tfnas.layers.attention.mixed import MixedAttention
from tfnas.layers.attention.modules import Attention
from tfnas.layers.attention.operation import AttentionOperation


def entries(model):
    """The entries of a `Supernet`: a list of `Entry`, one for each variable.

    It leaves out what the authors do not have: a schedule's values, DARTS-'s
    auxiliary skip and what removals decided.
    """
    found = [
        Entry(
            variable,
            ((_architecture_name(name, model),),),
            MATRIX if variable.ndim == 2 else VECTOR,
        )
        for name, variable in model.architecture.items()
    ]
    if model.method.stem == "imagenet":
        found += stem_entries(model.stem.convolutions)
    else:
        found.append(
            Entry(model.stem.kernel, (("stem.0.weight",),), CONVOLUTION)
        )
        found += entries_of(model.stem_norm, [["stem.1"]])
    for index, cell in enumerate(model.cells):
        found += _cell(cell, f"cells.{index}", _names(model))
    found.append(
        Entry(model.classifier.kernel, (("classifier.weight",),), DENSE)
    )
    found.append(Entry(model.classifier.bias, (("classifier.bias",),), VECTOR))
    return found


def _cell(cell, prefix, names):
    found = []
    for index, layer in enumerate(cell.preprocess):
        found += entries_of(layer, [[f"{prefix}.preprocess{index}"]])
    for outgoing, rows in zip(cell.outgoing, cell.rows, strict=True):
        edges = [f"{prefix}.{names.edge}.{row}" for row in rows]
        found += _mixed(outgoing.mixed, [f"{e}{names.first}" for e in edges])
        for index, layer in enumerate(outgoing.second):
            own = edges if len(outgoing.second) == 1 else edges[index:][:1]
            # With a reduction the authors keep an empty place before it.
            inner = "1." if outgoing.stride == 2 else ""
            found += _mixed(layer, [f"{e}.second_layers" for e in own], inner)
    if cell.attention is not None:
        found += _mixed(cell.attention, [f"{prefix}.bottleneck_attns"])
    return found


def _mixed(mixed, edges, inner=""):
    """The entries of a mixture's candidates; `edges` names its edges."""
    found = []
    for name, layer in mixed.candidates.items():
        places = (
            [(edge, mixed.names.index(name)) for edge in range(len(edges))]
            if isinstance(mixed, MixedAttention)
            else mixed.places[name]
        )
        prefixes = [[f"{edges[edge]}.{column}"] for edge, column in places]
        if isinstance(layer, AttentionOperation):
            if layer.stride == 2:
                found += entries_of(layer.reduce, below(prefixes, "0"))
            beside = "1." if layer.stride == 2 else inner
            found += entries_of(
                layer.attention, below(prefixes, f"{beside}_mask")
            )
        elif isinstance(layer, Attention):
            found += entries_of(layer, below(prefixes, "_mask"))
        else:
            found += entries_of(layer, prefixes)
    return found


@dataclasses.dataclass(frozen=True)
class Names:
    """The authors' names of the list of a cell's edges and an edge's mix."""

    edge: str
    first: str


def _architecture_name(name, model):
    """Edge weights are PC-DARTS's beta, unless an attention has that name."""
    taken = any(other.startswith("betas") for other in model.architecture)
    return name if taken else name.replace("edges", "betas")


def stores_architecture(model):
    """Whether the authors' state dict holds alpha: Att-DARTS's does."""
    return _names(model).edge == "layers"


def _names(model):
    """Att-DARTS's names with attentions, P-DARTS's for it, else DARTS's."""
    if model.method.attention != "none" or model.method.name == "att_darts":
        return Names("layers", ".first_layers")
    if model.method.name == "pdarts":
        return Names("cell_ops", ".m_ops")
    return Names("_ops", "._ops")
