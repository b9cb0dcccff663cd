"""The authors' tensors behind each of our variables.

The authors hold one tensor for each operation of each edge; a layer here holds
those of all its edges side by side, and one batch norm if all edges would
compute the same statistics (the pools of one state). One `Entry` stands for
each of our variables; this module has those of single layers, `supernet_names`
and `network_names` those of whole models.
"""

import dataclasses

import keras
import numpy as np

from tfnas.errors import UserError
from tfnas.layers import operations as ops
from tfnas.layers import reduction
from tfnas.layers.attention.bottleneck import BottleneckAttention
from tfnas.layers.attention.modules import (
    ConvolutionalBlockAttention,
    DoubleAttention,
    GatherExcite,
    SqueezeExcitation,
)
from tfnas.layers.auxiliary import AuxiliaryHead
from tfnas.layers.fast.normalization import BatchNormalization


@dataclasses.dataclass(frozen=True)
class Layout:
    """PyTorch's order of the axes of a kind of tensor.

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
    stand for this edge's part (several if the authors repeat it).
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
                f"{name}: has shape {np.shape(array)}, but "
                f"{self.variable.path} needs {shape}; give the weights of a "
                "network of this size"
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


def entries_of(layer, prefixes):
    """The `Entry` list of one layer: an operation, an attention, a norm ...

    `prefixes` has, for each edge of the layer, the names of the authors'
    modules.
    """
    if isinstance(layer, ops.Pool):
        if not layer.normalize:
            return []
        everyone = [name for names in prefixes for name in names]
        return entries_of(layer.norm, [[f"{name}.1" for name in everyone]])
    found = []
    for attribute, suffix, layout in _MEMBERS.get(type(layer), ()):
        member = getattr(layer, attribute)
        if member is None:
            continue
        if isinstance(layer, BatchNormalization):
            found.append(entry(member, prefixes, suffix, layout))
        elif layout is None:
            found += entries_of(member, below(prefixes, suffix))
        else:
            leaf = "bias" if attribute.endswith("bias") else "weight"
            found.append(entry(member, below(prefixes, suffix), leaf, layout))
    return found


def below(prefixes, name):
    """The prefixes of a module's part."""
    return [[f"{prefix}.{name}" for prefix in part] for part in prefixes]


def entry(variable, prefixes, leaf, layout):
    """The `Entry` of one variable; `prefixes` as in `entries_of`."""
    parts = tuple(tuple(part) for part in below(prefixes, leaf))
    return Entry(variable, parts, layout)


# Attribute of our layer, the authors' name, layout (None for a batch norm).
_MEMBERS = {
    BatchNormalization: (
        ("gamma", "weight", VECTOR),
        ("beta", "bias", VECTOR),
        ("moving_mean", "running_mean", VECTOR),
        ("moving_variance", "running_var", VECTOR),
    ),
    AuxiliaryHead: (
        ("squeeze", "features.2", CONVOLUTION),
        ("norm_1", "features.3", None),
        ("expand", "features.5", CONVOLUTION),
        ("norm_2", "features.6", None),
        ("kernel", "classifier", DENSE),
        ("bias", "classifier", VECTOR),
    ),
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
    ops.FactorizedConvolution: (
        ("horizontal", "1", CONVOLUTION),
        ("vertical", "2", CONVOLUTION),
        ("norm", "3", None),
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
