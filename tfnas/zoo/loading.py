"""A network with its weights, checked before anything is used.

TensorFlow is imported by the functions that need it, after their checks.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.runs.contents import weights_file
from tfnas.runs.reading import read_run
from tfnas.zoo.genotypes import genotype as named_genotype
from tfnas.zoo.genotypes import genotype_file, root
from tfnas.zoo.index import checked_bytes, entry, list_models
from tfnas.zoo.schema import NAME

if TYPE_CHECKING:
    import keras


def load(
    name: str | os.PathLike,
    weights: bool = True,
    zoo: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
) -> "keras.Model":
    """Load a network of the zoo or of a finished training.

    A name of the zoo comes first; "./NAME" or a `Path` is always a folder. The
    zoo's files are checked against the index's SHA-256 before they are read.

    Args:
        name: one of `tfnas.list_models()`, or a folder of `tfnas.train`, whose
            best weights are loaded, or the last ones if nothing selected the
            best.
        weights: whether to load the trained weights; otherwise they are new.
        zoo: the zoo's folder, or None for the project's own.
        data_dir: folder of the images, if they have moved since the training;
            only for folders of earlier versions, which did not record mean and
            deviation.

    Returns:
        An `ImageClassifier`, a Functional `keras.Model`: images in 0..255 of
        any type named "image", (N, H, W, C), to "logits", (N, classes).
        `model.classes` has the class names. The model normalises the images
        itself and has neither drop path nor an auxiliary classifier.

    Raises:
        UserError: for an unknown name, a network without weights, an unfinished
            training, or a file that is damaged or does not fit the others.

    Example:

    ```python
    model = tfnas.load("darts_digits.digits_c16_l6")
    digits = tfnas.data.load("digits")
    print(model.predict(digits.test.images[:3]).argmax(-1))
    ```
    """
    in_zoo = isinstance(name, str) and name in list_models(zoo=zoo)
    if not in_zoo and os.path.isdir(str(name)):
        return network_of(read_run(name, "train"), weights, data_dir)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(
            f"{str(name)[:80]!r}: neither a name of the zoo nor a folder; "
            "give one of tfnas.list_models() or a folder of tfnas.train"
        )
    found = entry(name, zoo)
    genotype = genotype_of(found, zoo)
    arrays = arrays_of(found, zoo) if weights else None
    return assemble(found, genotype, arrays)


def build_network(
    genotype: Genotype | str | os.PathLike,
    *,
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    channels: int = 36,
    cells: int = 20,
    stem: str = "cifar",
    auxiliary: bool = False,
    drop_path: float = 0.0,
) -> "keras.Model":
    """Build the network of a genotype, with new weights.

    In the space darts: stem, cells, global average pooling, classifier; the
    cells a third and two thirds into the stack are reduction cells. Drop path
    removes single edges in training, and whole nodes in Fair DARTS's cells:
    those whose provenance names `fair_darts` as their method, or with a node
    that does not have two edges. With `drop_path` the network has a layer of
    that name with the variables `rate`, which a schedule sets every epoch, and
    `seed`, see `DropPath`.

    It classifies. Several labels per image, regression and segmentation are out
    of scope; for them, the input and the output of its layer "pool" are the
    last map and the features.

    In the space mobile: `build_mobile_network`, wider than published by
    `channels / 32`, the channels of its stem; its 19 layers and the image size
    replace `cells` and `stem`.

    In the space nasbench201: `build_bench_network`; published networks have 16
    channels and 15 cells.

    Args:
        genotype: a `Genotype`, a name of the zoo such as "DARTS_V2", a file or
            a run's folder.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        channels: channels of a node in the first cell.
        cells: number of cells.
        stem: "cifar", or "imagenet", which halves the map three times.
        auxiliary: whether to add a second classifier two thirds into the
            network, see `AuxiliaryHead`.
        drop_path: the largest rate of drop path. The variable `rate` starts at
            it.

    Returns:
        A Functional `keras.Model`: normalised images named "image",
        (N, H, W, C), to "logits", (N, classes); with `auxiliary` to a dict of
        "logits" and "auxiliary", both (N, classes).

    Raises:
        UserError: for an unknown stem, an image too small, or an option that
            the space does not have.

    Source: the evaluation networks of DARTS (arXiv:1806.09055, sections 3.2,
    3.3), P-DARTS, Fair DARTS and Att-DARTS, as in the authors' code.

    Example:

    ```python
    network = tfnas.build_network("DARTS_V2", channels=8, cells=6)
    ```
    """
    from tfnas import networks

    if not isinstance(genotype, Genotype):
        genotype = named_genotype(genotype)
    return networks.build_network(
        genotype,
        input_shape=input_shape,
        classes=classes,
        channels=channels,
        cells=cells,
        stem=stem,
        auxiliary=auxiliary,
        drop_path=drop_path,
    )


def network_of(run, weights=True, data_dir=None):
    """The network of a finished training on images in 0..255.

    Args:
        run: the `Run` of a training.
        weights: whether to load the trained weights; otherwise they are new.
        data_dir: as in `load`.

    Returns:
        See `load`.

    Raises:
        UserError: if its files do not fit together, or mean and deviation are
            neither recorded nor computable.
    """
    run, arrays = run.with_statistics(data_dir), None
    if weights:
        from tfnas.networks.weights import decode

        arrays = decode(run.weights, run.weights_file)
    return assemble(run, run.genotype, arrays)


def genotype_of(entry, zoo=None):
    """The `Genotype` of an entry; its file is checked against the index."""
    path = genotype_file(entry.architecture, zoo)
    text = checked_bytes(path, entry.genotype).decode("utf-8", "replace")
    try:
        return Genotype.from_json(text)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def entry_weights_file(name, zoo=None):
    """The weights' file of an entry."""
    return root(zoo) / "weights" / f"{name}.safetensors"


def arrays_of(entry, zoo=None):
    """{path of a variable: array} of an entry's weights, checked."""
    if entry.weights is None:
        raise UserError(
            f"{entry.name}: has no weights in the zoo; train it with python "
            f"-m tfnas.train --genotype={entry.architecture}, or load it with "
            "weights=False"
        )
    path = entry_weights_file(entry.name, zoo)
    data = checked_bytes(path, entry.weights)
    from tfnas.networks import weights

    arrays = weights.decode(data, path)
    bias = arrays.get("logits/bias")
    classes = 0 if bias is None else len(bias)
    if classes != len(entry.classes):
        raise UserError(
            f"{path}: classifies {classes} classes, the index names "
            f"{len(entry.classes)}; restore the zoo"
        )
    return arrays


def check_weights(source):
    """Refuse a source that `weights_of` would not find."""
    name = str(source)
    if not Path(source).exists() and name not in list_models():
        raise UserError(
            f"--weights={name}: neither a file or folder nor in the zoo; "
            "tfnas.list_models(weights=True) has the names"
        )


def weights_of(source):
    """The arrays of a network of the zoo, a weights file or a run's folder.

    Args:
        source: a name of `list_models(weights=True)`, a safetensors file, or
            the folder of a training, whose best weights are read, or the last
            ones if nothing selected the best. An existing path comes first.

    Raises:
        UserError: if there are no weights.
    """
    from tfnas.networks import weights

    is_name = NAME.fullmatch(str(source)) and not Path(source).exists()
    if is_name and source in list_models():
        return arrays_of(entry(source))
    folder = Path(source).is_dir()
    return weights.read(weights_file(source) if folder else source)


def assemble(origin, genotype, arrays=None):
    """The network for images in 0..255.

    Args:
        origin: an `Entry`, or a training's `Run` with its statistics.
        genotype: its `Genotype`.
        arrays: its weights, or None for new ones.

    Returns:
        See `load`.

    Raises:
        UserError: if they do not fit together.
    """
    from tfnas.networks import build_network, weights
    from tfnas.networks.classifier import on_pixels

    network = build_network(genotype, **origin.size())
    if arrays is not None:
        fresh = weights.transfer(network, arrays, origin.name)
        if fresh:
            raise UserError(f"{origin.name}: {fresh[0]}; restore its files")
    return on_pixels(network, origin.mean, origin.std, origin.classes)
