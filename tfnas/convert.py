"""The authors' PyTorch names and layouts, and ours.

The authors hold one tensor for each operation of each edge; a layer here
holds those of all the edges it serves side by side, and one batch norm where
all edges would compute the same statistics (the pools of one state). A table
of entries, one for each of our variables, says which of the authors' names
stand for which part of it, and is read in both directions.
"""

import dataclasses

import keras
import numpy as np

from tfnas.errors import UserError
from tfnas.layers import operations as ops
from tfnas.layers import reduction
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


def load_authors_weights(model, arrays):
    """Load weights and batch-norm statistics of the authors' network.

    Args:
        model: a `Supernet` of the same shape.
        arrays: {PyTorch name: array in PyTorch's layout}, the whole state
            dict. Architecture variables may be among them;
            `num_batches_tracked` is passed over.

    Raises:
        UserError: if a name is missing, unknown, has another shape, or if
            tensors that are one variable here differ.

    Example:

    ```python
    arrays = {k: v.numpy() for k, v in torch.load("weights.pt").items()}
    tfnas.convert.load_authors_weights(supernet, arrays)
    ```
    """
    values = from_authors(model, arrays)
    optional = {v.path for v in _architecture(model)}
    for entry in entries(model):
        if entry.variable.path not in values | dict.fromkeys(optional):
            raise UserError(
                f"{entry.parts[0][0]}: missing, needed for "
                f"{entry.variable.path}"
            )
    for variable in model.variables:
        if variable.path in values:
            variable.assign(values[variable.path])


def from_authors(model, arrays):
    """Rename and re-arrange tensors keyed by the authors' names.

    Weights, statistics, gradients or momentum alike: whatever is given is
    converted; a variable of which only a part is given is an error.

    Args:
        model: the model whose variables the tensors belong to.
        arrays: {PyTorch name: array in PyTorch's layout}.

    Returns:
        {variable.path: array in our layout}.

    Raises:
        UserError: as `load_authors_weights`, but nothing need be complete.
    """
    table = entries(model)
    given = {n for n in arrays if not n.endswith("num_batches_tracked")}
    known = {name for entry in table for names in entry.parts for name in names}
    if given - known:
        raise UserError(f"{sorted(given - known)[0]}: no such name in this net")
    values = {}
    for entry in table:
        wanted = {name for names in entry.parts for name in names}
        if wanted <= given:
            values[entry.variable.path] = entry.join(arrays)
        elif wanted & given:
            raise UserError(
                f"{sorted(wanted - given)[0]}: missing, while its neighbour "
                f"{sorted(wanted & given)[0]} is given"
            )
    return values


def to_authors(model, arrays=None):
    """Give tensors the authors' names and layout: undoes `from_authors`.

    Args:
        model: the model whose variables the tensors belong to.
        arrays: {variable.path: array}; None for the model's own weights and
            statistics (without alpha, which the authors keep apart).

    Returns:
        {PyTorch name: array in PyTorch's layout}.

    Raises:
        UserError: for a path that the model does not have.
    """
    if arrays is None:
        architecture = {v.path for v in _architecture(model)}
        arrays = {
            v.path: keras.ops.convert_to_numpy(v)
            for v in model.variables
            if v.path not in architecture
        }
    table = {entry.variable.path: entry for entry in entries(model)}
    named = {}
    for path, array in arrays.items():
        if path not in table:
            raise UserError(f"{path}: no such variable in {model.name}")
        named.update(table[path].split(array))
    return named


def entries(model):
    """The table of a `Supernet`: a list of `Entry`, one for each variable."""
    table = [
        Entry(variable, ((name,),), MATRIX)
        for name, variable in model.architecture.items()
    ]
    table.append(Entry(model.stem.kernel, (("stem.0.weight",),), CONVOLUTION))
    table += _norm(model.stem_norm, [["stem.1"]])
    for index, cell in enumerate(model.cells):
        table += _cell(cell, f"cells.{index}")
    table.append(
        Entry(model.classifier.kernel, (("classifier.weight",),), DENSE)
    )
    table.append(Entry(model.classifier.bias, (("classifier.bias",),), VECTOR))
    return table


def _architecture(model):
    return getattr(model, "architecture", {}).values()


def _cell(cell, prefix):
    table = []
    for index, layer in enumerate(cell.preprocess):
        table += _operation(layer, [[f"{prefix}.preprocess{index}"]])
    for mixed, rows in zip(cell.mixed, cell.rows, strict=True):
        for name, layer in mixed.candidates.items():
            names = [
                [f"{prefix}._ops.{rows[edge]}._ops.{column}"]
                for edge, column in mixed.places[name]
            ]
            table += _operation(layer, names)
    return table


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
            table.append(_entry(member, names, "weight", layout))
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
}
