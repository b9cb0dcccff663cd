"""Which of the authors' tensors stand for which of our variables.

The authors hold one tensor for each operation of each edge; a layer here
holds those of all the edges it serves side by side, and one batch norm where
all edges would compute the same statistics (the pools of one state). `entries`
is the table of a model, one `Entry` for each of our variables.
"""

import dataclasses

import keras
import numpy as np

from tfnas.errors import UserError
from tfnas.layers import operations as ops
from tfnas.layers import reduction
from tfnas.layers.attention import (
    Attention,
    ConvolutionalBlockAttention,
    DoubleAttention,
    GatherExcite,
    SqueezeExcitation,
)
from tfnas.layers.attention_operation import AttentionOperation
from tfnas.layers.bottleneck_attention import BottleneckAttention
from tfnas.layers.mixed_attention import MixedAttention
from tfnas.layers.normalization import BatchNormalization


@dataclasses.dataclass(frozen=True)
class Layout:
    """How PyTorch orders the axes of a kind of tensor.

    `to_keras` and `to_torch` are permutations; `axis` is the axis, in our
    order, along which edges lie side by side.
    """

    to_keras: tuple[int, ...]
    to_torch: tuple[int, ...]
    axis: int


CONVOLUTION = Layout((2, 3, 1, 0), (3, 2, 0, 1), axis=3)  # OIHW, HWIO
DEPTHWISE = Layout((2, 3, 0, 1), (2, 3, 0, 1), axis=2)  # C1HW, HWC1
DENSE = Layout((1, 0), (1, 0), axis=1)
VECTOR = Layout((0,), (0,), axis=0)
MATRIX = Layout((0, 1), (0, 1), axis=0)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One of our variables and the authors' tensors that make it up.

    `parts` has an item for each edge: the names of the authors' tensors that
    stand for this edge's part (several where the authors repeat themselves).
    """

    variable: keras.Variable
    parts: tuple[tuple[str, ...], ...]
    layout: Layout

    def join(self, arrays):
        """Our array from the authors' arrays; those of one part must agree."""
        pieces = []
        for names in self.parts:
            first, *others = (self._checked(n, arrays[n]) for n in names)
            for name, other in zip(names[1:], others, strict=True):
                if not np.array_equal(first, other):
                    raise UserError(
                        f"{name}: differs from {names[0]}, but both are one "
                        "batch norm here and must agree"
                    )
            pieces.append(np.transpose(first, self.layout.to_keras))
        return np.concatenate(pieces, self.layout.axis)

    def _checked(self, name, array):
        ours = list(self.variable.shape)
        ours[self.layout.axis] //= len(self.parts)
        shape = tuple(ours[axis] for axis in self.layout.to_torch)
        if np.shape(array) != shape:
            raise UserError(
                f"{name}: is {np.shape(array)}, but {self.variable.path} "
                f"needs {shape}; give the weights of a network of this size"
            )
        return np.asarray(array)

    def split(self, array):
        """The authors' arrays from our array: the inverse of `join`."""
        pieces = np.split(np.asarray(array), len(self.parts), self.layout.axis)
        return {
            name: np.transpose(piece, self.layout.to_torch)
            for names, piece in zip(self.parts, pieces, strict=True)
            for name in names
        }


def entries(model):
    """The table of a `Supernet`: a list of `Entry`, one for each variable."""
    table = [
        Entry(
            variable,
            ((_architecture_name(name, model),),),
            MATRIX if variable.ndim == 2 else VECTOR,
        )
        for name, variable in model.architecture.items()
    ]
    table.append(Entry(model.stem.kernel, (("stem.0.weight",),), CONVOLUTION))
    table += _norm(model.stem_norm, [["stem.1"]])
    for index, cell in enumerate(model.cells):
        table += _cell(cell, f"cells.{index}", _names(model))
    table.append(
        Entry(model.classifier.kernel, (("classifier.weight",),), DENSE)
    )
    table.append(Entry(model.classifier.bias, (("classifier.bias",),), VECTOR))
    return table


def _cell(cell, prefix, names):
    table = []
    for index, layer in enumerate(cell.preprocess):
        table += _operation(layer, [[f"{prefix}.preprocess{index}"]])
    for outgoing, rows in zip(cell.outgoing, cell.rows, strict=True):
        edges = [f"{prefix}.{names.edge}.{row}" for row in rows]
        table += _mixed(outgoing.mixed, [f"{e}{names.first}" for e in edges])
        for index, layer in enumerate(outgoing.second):
            own = edges if len(outgoing.second) == 1 else edges[index:][:1]
            # Beside a reduction the authors keep an empty place before it.
            inner = "1." if outgoing.stride == 2 else ""
            table += _mixed(layer, [f"{e}.second_layers" for e in own], inner)
    if cell.attention is not None:
        table += _mixed(cell.attention, [f"{prefix}.bottleneck_attns"])
    return table


def _mixed(mixed, edges, inner=""):
    """The entries of a mixture's candidates; `edges` names its edges."""
    table = []
    for name, layer in mixed.candidates.items():
        places = (
            [(edge, mixed.names.index(name)) for edge in range(len(edges))]
            if isinstance(mixed, MixedAttention)
            else mixed.places[name]
        )
        prefixes = [[f"{edges[edge]}.{column}"] for edge, column in places]
        if isinstance(layer, AttentionOperation):
            if layer.stride == 2:
                table += _operation(layer.reduce, _below(prefixes, "0"))
            beside = "1." if layer.stride == 2 else inner
            table += _operation(
                layer.attention, _below(prefixes, f"{beside}_mask")
            )
        elif isinstance(layer, Attention):
            table += _operation(layer, _below(prefixes, "_mask"))
        else:
            table += _operation(layer, prefixes)
    return table


def _below(prefixes, name):
    return [[f"{prefix}.{name}" for prefix in part] for part in prefixes]


@dataclasses.dataclass(frozen=True)
class Names:
    """How an author calls the list of a cell's edges and of an edge's mix."""

    edge: str
    first: str


def _architecture_name(name, model):
    """Edge weights are PC-DARTS's beta, where no attention is called so."""
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


def _operation(layer, prefixes):
    """The entries of one operation; `prefixes` lists names for each edge."""
    if isinstance(layer, ops.Pool):
        everyone = [name for names in prefixes for name in names]
        return _norm(layer.norm, [[f"{name}.1" for name in everyone]])
    table = []
    for attribute, suffix, layout in _MEMBERS.get(type(layer), ()):
        member = getattr(layer, attribute)
        names = [[f"{name}.{suffix}" for name in part] for part in prefixes]
        if layout is None:
            table += _norm(member, names)
        else:
            leaf = "bias" if attribute.endswith("bias") else "weight"
            table.append(_entry(member, names, leaf, layout))
    return table


def _norm(layer: BatchNormalization, prefixes):
    members = (
        (layer.gamma, "weight"),
        (layer.beta, "bias"),
        (layer.moving_mean, "running_mean"),
        (layer.moving_variance, "running_var"),
    )
    return [
        _entry(variable, prefixes, suffix, VECTOR)
        for variable, suffix in members
        if variable is not None
    ]


def _entry(variable, prefixes, suffix, layout):
    parts = tuple(
        tuple(f"{name}.{suffix}" for name in part) for part in prefixes
    )
    return Entry(variable, parts, layout)


# Attribute of our layer, the authors' name, layout (None for a batch norm).
_MEMBERS = {
    ops.SeparableConvolution: (
        ("depthwise_1", "op.1", DEPTHWISE),
        ("pointwise_1", "op.2", CONVOLUTION),
        ("norm_1", "op.3", None),
        ("depthwise_2", "op.5", DEPTHWISE),
        ("pointwise_2", "op.6", CONVOLUTION),
        ("norm_2", "op.7", None),
    ),
    ops.DilatedConvolution: (
        ("depthwise", "op.1", DEPTHWISE),
        ("pointwise", "op.2", CONVOLUTION),
        ("norm", "op.3", None),
    ),
    reduction.FactorizedReduce: (
        ("pointwise_1", "conv_1", CONVOLUTION),
        ("pointwise_2", "conv_2", CONVOLUTION),
        ("norm", "bn", None),
    ),
    reduction.ReluConvolution: (
        ("pointwise", "op.1", CONVOLUTION),
        ("norm", "op.2", None),
    ),
    SqueezeExcitation: (
        ("squeeze", "excitation.0", DENSE),
        ("excite", "excitation.2", DENSE),
    ),
    BottleneckAttention: (
        ("squeeze", "channel_att.gate_c.gate_c_fc_0", DENSE),
        ("squeeze_bias", "channel_att.gate_c.gate_c_fc_0", VECTOR),
        ("squeeze_norm", "channel_att.gate_c.gate_c_bn_1", None),
        ("excite", "channel_att.gate_c.gate_c_fc_final", DENSE),
        ("excite_bias", "channel_att.gate_c.gate_c_fc_final", VECTOR),
        ("reduce", "spatial_att.gate_s.gate_s_conv_reduce0", CONVOLUTION),
        ("reduce_bias", "spatial_att.gate_s.gate_s_conv_reduce0", VECTOR),
        ("reduce_norm", "spatial_att.gate_s.gate_s_bn_reduce0", None),
        ("dilated_1", "spatial_att.gate_s.gate_s_conv_di_0", CONVOLUTION),
        ("dilated_1_bias", "spatial_att.gate_s.gate_s_conv_di_0", VECTOR),
        ("norm_1", "spatial_att.gate_s.gate_s_bn_di_0", None),
        ("dilated_2", "spatial_att.gate_s.gate_s_conv_di_1", CONVOLUTION),
        ("dilated_2_bias", "spatial_att.gate_s.gate_s_conv_di_1", VECTOR),
        ("norm_2", "spatial_att.gate_s.gate_s_bn_di_1", None),
        ("spatial", "spatial_att.gate_s.gate_s_conv_final", CONVOLUTION),
        ("spatial_bias", "spatial_att.gate_s.gate_s_conv_final", VECTOR),
    ),
    ConvolutionalBlockAttention: (
        ("squeeze", "ChannelAttention.mlp.1", DENSE),
        ("squeeze_bias", "ChannelAttention.mlp.1", VECTOR),
        ("excite", "ChannelAttention.mlp.3", DENSE),
        ("excite_bias", "ChannelAttention.mlp.3", VECTOR),
        ("spatial", "SpatialAttention.spatial.conv", CONVOLUTION),
        ("norm", "SpatialAttention.spatial.bn", None),
    ),
    GatherExcite: (
        ("gather", "downop.dwconv", DEPTHWISE),
        ("norm", "downop.bn", None),
        ("squeeze", "mlp.0", CONVOLUTION),
        ("excite", "mlp.2", CONVOLUTION),
    ),
    DoubleAttention: (
        ("feature", "convA", CONVOLUTION),
        ("feature_bias", "convA", VECTOR),
        ("where", "convB", CONVOLUTION),
        ("where_bias", "convB", VECTOR),
        ("which", "convV", CONVOLUTION),
        ("which_bias", "convV", VECTOR),
        ("back", "convZ", CONVOLUTION),
        ("back_bias", "convZ", VECTOR),
    ),
}
