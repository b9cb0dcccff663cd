"""The authors' PyTorch weights, and ours: names, layouts, both ways.

These functions are also members of `tfnas.convert`.
"""

from collections.abc import Mapping

import keras
import numpy as np

from tfnas.convert import network_names, supernet_names
from tfnas.errors import UserError
from tfnas.networks.darts.supernet import Supernet


def load_authors_weights(
    model: keras.Model, arrays: Mapping[str, np.ndarray]
) -> None:
    """Load weights and batch-norm statistics of the authors' network.

    Args:
        model: a `Supernet`, or a network of `build_network` with or without
            auxiliary classifier, of the same shape.
        arrays: {PyTorch name: array in PyTorch's layout}, the whole state dict.
            Architecture variables may be among them; `num_batches_tracked` is
            ignored.

    Raises:
        UserError: if a name is missing, unknown, has another shape, or if
            tensors that are one variable here differ.

    Example:

    ```python
    genotype = tfnas.zoo.genotype("DARTS_V2")
    network = tfnas.build_network(genotype, channels=4, cells=3)
    arrays = tfnas.convert.to_authors(network)  # or from a file of the authors
    tfnas.convert.load_authors_weights(network, arrays)
    ```
    """
    values = from_authors(model, arrays)
    optional = _architecture(model)
    for entry in _entries(model):
        if entry.variable.path not in values.keys() | optional:
            raise UserError(
                f"{entry.parts[0][0]}: missing, needed for "
                f"{entry.variable.path}"
            )
    for variable in model.variables:
        if variable.path in values:
            variable.assign(values[variable.path])


def from_authors(
    model: keras.Model, arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Rename and re-arrange tensors keyed by the authors' names.

    It converts whatever is given: weights, statistics, gradients or momentum. A
    variable given only in part is an error.

    Args:
        model: the model whose variables the tensors belong to.
        arrays: {PyTorch name: array in PyTorch's layout}.

    Returns:
        {variable.path: array in our layout}.

    Raises:
        UserError: as in `load_authors_weights`, but `arrays` may be incomplete.

    Example:

    ```python
    genotype = tfnas.zoo.genotype("DARTS_V2")
    network = tfnas.build_network(genotype, channels=4, cells=3)
    arrays = {"classifier.bias": np.ones(10, "float32")}
    tfnas.convert.from_authors(network, arrays)["logits/bias"]
    ```
    """
    found = _entries(model)
    given = {n for n in arrays if not n.endswith("num_batches_tracked")}
    known = {name for entry in found for names in entry.parts for name in names}
    if given - known:
        raise UserError(f"{sorted(given - known)[0]}: no such name in this net")
    values = {}
    for entry in found:
        wanted = {name for names in entry.parts for name in names}
        if wanted <= given:
            values[entry.variable.path] = entry.join(arrays)
        elif wanted & given:
            raise UserError(
                f"{sorted(wanted - given)[0]}: missing, while its neighbour "
                f"{sorted(wanted & given)[0]} is given"
            )
    return values


def to_authors(
    model: keras.Model, arrays: Mapping[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Give tensors the authors' names and layout: undoes `from_authors`.

    Args:
        model: the model whose variables the tensors belong to.
        arrays: {variable.path: array}; None for the model's own: weights,
            statistics and, if the authors' state dict holds it (Att-DARTS), the
            architecture.

    Returns:
        {PyTorch name: array in PyTorch's layout}.

    Raises:
        UserError: for a path that the model does not have.

    Example:

    ```python
    supernet = tfnas.Supernet("darts", channels=4, cells=3)
    tfnas.convert.to_authors(supernet)["stem.0.weight"].shape  # (12, 3, 3, 3)
    ```
    """
    found = {entry.variable.path: entry for entry in _entries(model)}
    if arrays is None:
        left_out = _left_out(model)
        arrays = {
            path: keras.ops.convert_to_numpy(entry.variable)
            for path, entry in found.items()
            if path not in left_out
        }
    named = {}
    for path, array in arrays.items():
        if path not in found:
            raise UserError(f"{path}: no such variable in {model.name}")
        named.update(found[path].split(array))
    return named


def _entries(model):
    known = isinstance(model, Supernet)
    return (supernet_names if known else network_names).entries(model)


def _left_out(model):
    """Paths of the variables that the authors' state dict does not hold."""
    architecture = _architecture(model)
    if architecture and supernet_names.stores_architecture(model):
        return set()
    return architecture


def _architecture(model):
    """Paths of the variables that need not be among the authors' tensors."""
    architecture = getattr(model, "architecture", {})
    return {variable.path for variable in architecture.values()}
