"""A network of the zoo with its weights, checked before anything is used.

TensorFlow is imported by the functions that need it, after their checks.
"""

from pathlib import Path

from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.zoo.genotypes import place, root
from tfnas.zoo.index import checked_bytes, entry, list_models
from tfnas.zoo.schema import NAME


def load(name, weights=True, zoo=None):
    """A network of the zoo, ready for images.

    The files' SHA-256 is compared with the index's before they are read.

    Args:
        name: one of `tfnas.list_models()`.
        weights: whether with its trained weights, or with new ones.
        zoo: the zoo's folder, or None for the project's own.

    Returns:
        A Functional `keras.Model`: images in 0..255 of any type named
        "image", (N, H, W, C), to "logits", (N, classes). It normalises the
        images itself and has neither drop path nor an auxiliary classifier.

    Raises:
        UserError: for a name that is none or has no weights, or a file that
            is damaged or does not fit the others.

    Example:

    ```python
    model = tfnas.load("darts_fashion_mnist.fashion_mnist_c10_l5")
    digits = tfnas.data.load("digits")
    print(model.predict(digits.test.images[:3]).argmax(-1))
    ```
    """
    found = entry(name, zoo)
    genotype = genotype_of(found, zoo)
    arrays = arrays_of(found, zoo) if weights else None
    return assemble(found, genotype, arrays)


def genotype_of(entry, zoo=None):
    """The `Genotype` of an entry; its file is checked against the index.

    Example: `genotype_of(zoo.entry("PDARTS")).operation_counts()`.
    """
    path = place(entry.architecture, zoo)
    text = checked_bytes(path, entry.genotype).decode("utf-8", "replace")
    try:
        return Genotype.from_json(text)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def weights_place(name, zoo=None):
    """The weights' file of an entry."""
    return root(zoo) / "weights" / f"{name}.safetensors"


def arrays_of(entry, zoo=None):
    """{path of a variable: array} of an entry's weights, checked.

    Example: `arrays_of(zoo.entry(name))["logits/bias"].shape`.
    """
    if entry.weights is None:
        raise UserError(
            f"{entry.name}: has no weights in the zoo; train it with python "
            f"-m tfnas.train --genotype={entry.architecture}, or load it with "
            "weights=False"
        )
    path = weights_place(entry.name, zoo)
    data = checked_bytes(path, entry.weights)
    from tfnas import weights

    arrays = weights.decode(data, path)
    bias = arrays.get("logits/bias")
    classes = 0 if bias is None else len(bias)
    if classes != len(entry.classes):
        raise UserError(
            f"{path}: classifies {classes} classes, the index names "
            f"{len(entry.classes)}; restore the zoo"
        )
    return arrays


def weights_of(source):
    """The arrays of a network of the zoo, a weights file or a run's folder.

    Args:
        source: a name of `list_models(weights=True)` or a path as of
            `weights.read`. A path that is there is preferred.

    Raises:
        UserError: if there are none.

    Example: `weights_of("darts_fashion_mnist.fashion_mnist_c10_l5")`.
    """
    from tfnas import weights

    is_name = NAME.fullmatch(str(source)) and not Path(source).exists()
    if is_name and source in list_models():
        return arrays_of(entry(source))
    return weights.read(source)


def assemble(entry, genotype, arrays=None):
    """The network of an entry on images in 0..255.

    Args:
        entry: an `Entry`.
        genotype: its `Genotype`.
        arrays: its weights, or None for new ones.

    Returns:
        As of `load`.

    Raises:
        UserError: if they do not fit together.

    Example: `assemble(found, genotype_of(found))`.
    """
    import keras

    from tfnas import weights
    from tfnas.layers.image_normalization import ImageNormalization
    from tfnas.networks.evaluation import build_network

    network = build_network(genotype, **entry.size())
    if arrays is not None:
        fresh = weights.transfer(network, arrays, entry.name)
        if fresh:
            raise UserError(f"{entry.name}: {fresh[0]}; restore the zoo")
    images = keras.Input(entry.image_shape, name="image")
    normal = ImageNormalization(entry.mean, entry.std, name="normalization")
    normalized = normal(images)

    def call(layer, *args, **kwargs):
        # Whatever read the images reads the normalised ones.
        args = [normalized if x is images else x for x in args]
        return layer(*args, **kwargs)

    # The same layers in a new graph, so that they stay one flat network.
    return keras.models.clone_model(
        network,
        input_tensors=images,
        clone_function=lambda layer: layer,
        call_function=call,
    )
