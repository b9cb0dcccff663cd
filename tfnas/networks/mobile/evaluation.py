"""Networks that a search of the mobile space finds.

Their layout is a reconstruction; see `tfnas.spaces.mobile`.
"""

import keras

from tfnas.networks.classifier import classifier
from tfnas.networks.mobile.inverted import (
    ConvolutionBlock,
    Dropout,
    InvertedBottleneck,
    operation,
)
from tfnas.spaces.chain import chain_of


def build_mobile_network(
    genotype,
    *,
    input_shape=(32, 32, 3),
    classes=10,
    width=1.0,
    dropout=0.2,
    name="mobile_network",
):
    """The trainable network of a genotype of a space of chains.

    Stem, a fixed bottleneck without expansion, the layers, a 1x1
    convolution, global average pooling, dropout, classifier. Small images
    keep their size for longer; `spaces.mobile.SPACE.adaptation` says where.

    Args:
        genotype: a `Genotype` with all layers of its space.
        input_shape: (height, width, channels) of an image.
        classes: number of classes.
        width: factor on all channels, rounded to multiples of eight.
        dropout: rate before the classifier.
        name: the model's name.

    Returns:
        A Functional `keras.Model`: normalised images named "image",
        (N, H, W, C), to "logits", (N, classes).

    Raises:
        UserError: for another space, another number of layers, or an image
            below 4x4 pixels.

    Example:

    ```python
    genotype = Genotype("mobile", layers=("mb_3x3_e6",) * 19)
    network = build_mobile_network(genotype, width=0.5)
    ```
    """
    layout = chain_of(genotype).layout(input_shape, width)
    images = keras.Input(input_shape, name="image")
    stem, first = start(layout)
    x = first(stem(images))
    for i, (channels, stride) in enumerate(layout.layers):
        layer = operation(
            genotype.layers[i], channels, stride=stride, name=f"layer_{i:02}"
        )
        x = layer(x)
    x = ConvolutionBlock(layout.last, 1, name="last")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = Dropout(dropout, name="dropout")(x)
    logits = classifier(classes, layout.last, name="logits")(x)
    return keras.Model(images, logits, name=name)


def start(layout, **options):
    """The stem and the fixed first bottleneck."""
    return (
        ConvolutionBlock(
            layout.stem, 3, stride=layout.stem_stride, name="stem", **options
        ),
        InvertedBottleneck(layout.first, 3, 1, name="first", **options),
    )
