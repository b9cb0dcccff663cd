"""A network's weights in a file, and their transfer to another data set.

The file is safetensors, so that reading it never runs code. The keys are the
paths of the variables.
"""

from pathlib import Path

import keras
import safetensors.numpy

from tfnas.errors import UserError

# Arrays with a column for each class.
_BY_CLASS = {
    f"{head}/{name}"
    for head in ("logits", "auxiliary")
    for name in ("kernel", "bias")
}
_REMEDY = "use the genotype, --channels and --cells that it was trained with"


def values(network):
    """{path: array} of a network's weights and moving statistics.

    Variables that only a training needs, such as drop path's rate, are left
    out.
    """
    return {
        path: keras.ops.convert_to_numpy(variable)
        for path, variable in _variables(network).items()
    }


def read(path):
    """{path of a variable: array} of a safetensors file."""
    try:
        return decode(Path(path).read_bytes(), path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None


def decode(data, source):
    """The arrays in the bytes of a safetensors file; `source` names it."""
    try:
        return safetensors.numpy.load(data)
    # A KeyError is of a type that NumPy lacks.
    except (safetensors.SafetensorError, KeyError) as error:
        raise UserError(
            f"{source}: not a whole safetensors file ({error}); fetch it again"
        ) from None


def load(network, path):
    """Load a file's weights into their network.

    Another network's file raises `UserError`.
    """
    fresh = transfer(network, read(path), path)
    if fresh:
        raise UserError(f"{path}: {fresh[0]}; build the file's own network")


def transfer(network, arrays, source="--weights"):
    """Start a network from {path: array} of one with other classes.

    Classifiers with another number of classes keep their new values, as does an
    auxiliary classifier that the source lacks. One that only the source has is
    left out. Returns lines on what kept its new values; if the networks differ
    further, nothing changes.
    """
    variables, taken, fresh = _variables(network), {}, set()
    for path, variable in variables.items():
        shape = tuple(variable.shape)
        there = arrays[path].shape if path in arrays else None
        if there == shape:
            taken[path] = arrays[path]
        elif _starts_anew(path, there, shape):
            fresh.add(path)
        else:
            found = f"has shape {there}, not {shape}" if there else "is missing"
            raise UserError(f"{source}: {path} {found}; {_REMEDY}")
    unknown = sorted(
        path
        for path in arrays.keys() - variables.keys()
        if not path.startswith("auxiliary/")
    )
    if unknown:
        raise UserError(
            f"{source}: {unknown[0]} is not in this network; {_REMEDY}"
        )
    for path, array in taken.items():
        variables[path].assign(array)
    heads = {path.split("/")[0] for path in fresh}
    names = {"logits": "classifier", "auxiliary": "auxiliary classifier"}
    return [
        f"the {names[head]} starts with new weights: the source has none for "
        f"{variables['logits/bias'].shape[0]} classes"
        for head in ("logits", "auxiliary")
        if head in heads
    ]


def _starts_anew(path, there, shape):
    """Whether an array may be missing (None) or have other classes."""
    if there is None:
        return path.startswith("auxiliary/")
    return path in _BY_CLASS and there[:-1] == shape[:-1]


def _variables(network):
    return {
        variable.path: variable
        for variable in network.variables
        if not variable.path.startswith("drop_path/")
    }
