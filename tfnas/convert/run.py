"""One conversion: from a checkpoint to a network to the other file."""

import tempfile
from pathlib import Path

import h5py
import keras

from tfnas.cli.files import staged
from tfnas.convert import authors, files
from tfnas.convert.sizes import PUBLISHED, of_authors, of_h5, of_paths
from tfnas.errors import UserError
from tfnas.networks import build_network

SHOWN = 3
# Counters of the profiler thop in some checkpoints.
_COUNTERS = ("total_ops", "total_params")


def convert(config, genotype):
    """Read the checkpoint, check it against the network, write the other file.

    Returns the network with the weights. Nothing is written after an error.
    """
    source = config.checkpoint
    if config.direction == "keras":
        arrays = _without(
            config.auxiliary, "auxiliary_head.", clean(files.read(source))
        )
        network = _network(genotype, of_authors(_shapes(arrays)), config)
        wanted = _shapes(authors.to_authors(network))
        compare(source, _shapes(arrays), wanted)
        authors.load_authors_weights(network, arrays)
        _write_ours(config.out, network)
    else:
        if files.suffix(source) == ".safetensors":
            network = _read_paths(source, genotype, config)
        else:
            network = _read_h5(source, genotype, config)
        files.write(config.out, authors.to_authors(network))
    count = network.count_params()
    print(f"{config.out}: {count:,} weights and statistics")
    return network


def clean(arrays):
    """The authors' arrays without the additions of tools.

    It removes `module.` of DataParallel, thop's counters and the batch counters
    of batch norms, and prints the first two.

    Args:
        arrays: {name: array}.

    Returns:
        {PyTorch name: array}.
    """
    arrays = {
        k: v for k, v in arrays.items() if not k.endswith("num_batches_tracked")
    }
    if arrays and all(name.startswith("module.") for name in arrays):
        print(f"removed the prefix module. from {len(arrays)} names")
        arrays = {k.removeprefix("module."): v for k, v in arrays.items()}
    counters = [k for k in arrays if k.rpartition(".")[2] in _COUNTERS]
    if counters:
        print(f"left out {len(counters)} counters: total_ops, total_params")
    return {k: v for k, v in arrays.items() if k not in set(counters)}


def compare(source, given, wanted):
    """Refuse {name: shape} with names missing, unknown or of another shape.

    The `UserError` has the number of each kind, and the first few.
    """
    misshaped = [
        f"{name} is {given[name]}, not {shape}"
        for name, shape in wanted.items()
        if name in given and given[name] != shape
    ]
    kinds = {
        "missing": [name for name in wanted if name not in given],
        "unknown": [name for name in given if name not in wanted],
        "misshaped": misshaped,
    }
    found = [
        f"{len(names)} {kind}: {', '.join(names[:SHOWN])}"
        + (", ..." if len(names) > SHOWN else "")
        for kind, names in kinds.items()
        if names
    ]
    if found:
        raise UserError(
            f"{source}: {'; '.join(found)}; give the genotype and sizes that "
            "it was trained with"
        )


def _network(genotype, sizes, config):
    """The network of the sizes read, unless flags say otherwise."""
    sizes = {"stem": "cifar", **sizes, **config.sizes()}
    sizes = PUBLISHED[sizes["stem"]] | sizes
    shown = [f"{name} {sizes[name]}" for name in ("channels", "cells")]
    head = "with" if sizes["auxiliary"] else "without"
    print(
        f"{sizes['stem']} network, {', '.join(shown)}, classes "
        f"{sizes['classes']}, {head} auxiliary classifier"
    )
    pixels = sizes["image_size"]
    return build_network(
        genotype,
        input_shape=(pixels, pixels, sizes.get("colors", 3)),
        classes=sizes["classes"],
        channels=sizes["channels"],
        cells=sizes["cells"],
        stem=sizes["stem"],
        auxiliary=sizes["auxiliary"],
    )


def _without(auxiliary, prefix, arrays):
    """The arrays, without the auxiliary classifier if asked to."""
    head = [name for name in arrays if name.startswith(prefix)]
    if auxiliary is not False or not head:
        return arrays
    print(f"left out {len(head)} tensors of the auxiliary classifier")
    return {k: v for k, v in arrays.items() if k not in set(head)}


def _shapes(arrays):
    return {name: tuple(array.shape) for name, array in arrays.items()}


# === Keras weights ===


def _write_ours(path, network):
    if files.suffix(path) == ".safetensors":
        files.write(
            path,
            {
                variable.path: keras.ops.convert_to_numpy(variable)
                for variable in network.variables
            },
        )
        return
    with staged(path) as aside:
        network.save_weights(aside)


def _read_paths(source, genotype, config):
    """The network of a file keyed by our variables' paths."""
    arrays = files.read(source)
    arrays = _without(config.auxiliary, "auxiliary/", arrays)
    network = _network(genotype, of_paths(_shapes(arrays)), config)
    wanted = {v.path: tuple(v.shape) for v in network.variables}
    compare(source, _shapes(arrays), wanted)
    for variable in network.variables:
        variable.assign(arrays[variable.path])
    return network


def _read_h5(source, genotype, config):
    """The network of a file of `save_weights`."""
    # Drop path's rate and seed belong to a training.
    given = _without(False, "layers/drop_path/", _h5_arrays(source))
    given = _without(config.auxiliary, "layers/auxiliary_head/", given)
    network = _network(genotype, of_h5(_shapes(given)), config)
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own.weights.h5"
        network.save_weights(own)
        compare(source, _shapes(given), _shapes(_h5_arrays(own)))
    network.load_weights(source)
    return network


def _h5_arrays(path):
    """{name: array} of an .h5 file; the arrays stay in the file."""
    arrays = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    try:
        with h5py.File(path) as file:
            file.visititems(note)
    except OSError as error:
        raise UserError(f"{path}: not a whole .h5 file ({error})") from None
    return arrays
