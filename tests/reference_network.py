"""The evaluation network of DARTS_V2 from stock Keras layers alone.

A second implementation, independent of tfnas and frozen: correctness and
speed of `tfnas.build_network` are held against it. Genotype, layers and names
are those of DARTS's authors (github.com/quark0/darts, commit f276dd3, folder
cnn), without the auxiliary head, which does not run in evaluation.
"""

import keras
import numpy as np
from keras import layers
from reference import (
    Chain,
    authors_weights,
    batch_norm,
    convolution,
    depthwise,
    stock_layers,
    torch_uniform,
)

# (operation, state that it reads); nodes 2, 3, 4, 5 take two each.
NORMAL = (
    ("sep_conv_3x3", 0),
    ("sep_conv_3x3", 1),
    ("sep_conv_3x3", 0),
    ("sep_conv_3x3", 1),
    ("sep_conv_3x3", 1),
    ("skip_connect", 0),
    ("skip_connect", 0),
    ("dil_conv_3x3", 2),
)
REDUCE = (
    ("max_pool_3x3", 0),
    ("max_pool_3x3", 1),
    ("skip_connect", 2),
    ("max_pool_3x3", 1),
    ("max_pool_3x3", 0),
    ("skip_connect", 2),
    ("skip_connect", 2),
    ("max_pool_3x3", 1),
)


def norm():
    return batch_norm("float32", affine=True)


def relu_conv_bn(inputs, outputs):
    return Chain(
        {
            "op.0": layers.ReLU(),
            "op.1": convolution(inputs, outputs, 1, 1, "float32"),
            "op.2": norm(),
        }
    )


class FactorizedReduce:
    """Halves the map: one 1x1 convolution sees even, one odd rows, columns."""

    def __init__(self, inputs, outputs):
        self.relu = layers.ReLU()
        self.shift = layers.Cropping2D(((1, 0), (1, 0)))
        self.concatenate = layers.Concatenate()
        self.parts = {
            "conv_1": convolution(inputs, outputs // 2, 1, 2, "float32"),
            "conv_2": convolution(inputs, outputs // 2, 1, 2, "float32"),
            "bn": norm(),
        }

    def __call__(self, x):
        x = self.relu(x)
        even = self.parts["conv_1"](x)
        odd = self.parts["conv_2"](self.shift(x))
        return self.parts["bn"](self.concatenate([even, odd]))


class MaxPool:
    """3x3, alike on all sides: at stride 2, every second pixel of stride 1."""

    def __init__(self, stride):
        self.pool = layers.MaxPooling2D(3, strides=1, padding="same")
        self.stride = stride

    def __call__(self, x):
        return self.pool(x)[:, :: self.stride, :: self.stride]


def operation(name, channels, stride):
    if name == "max_pool_3x3":
        return MaxPool(stride)
    if name == "skip_connect":
        if stride == 1:
            return Chain({})
        return FactorizedReduce(channels, channels)
    dilation = 2 if name == "dil_conv_3x3" else 1
    parts = {
        "op.0": layers.ReLU(),
        **depthwise("op.1", 3, stride, dilation, "float32"),
        "op.2": convolution(channels, channels, 1, 1, "float32"),
        "op.3": norm(),
    }
    if name == "sep_conv_3x3":
        parts |= {
            "op.4": layers.ReLU(),
            **depthwise("op.5", 3, 1, 1, "float32"),
            "op.6": convolution(channels, channels, 1, 1, "float32"),
            "op.7": norm(),
        }
    return Chain(parts)


class Cell:
    def __init__(self, inputs, channels, reduction, after_reduction):
        previous = FactorizedReduce if after_reduction else relu_conv_bn
        self.parts = {
            "preprocess0": previous(inputs[0], channels),
            "preprocess1": relu_conv_bn(inputs[1], channels),
        }
        self.sources = []
        for place, (name, source) in enumerate(REDUCE if reduction else NORMAL):
            stride = 2 if reduction and source < 2 else 1
            self.parts[f"_ops.{place}"] = operation(name, channels, stride)
            self.sources.append(source)
        self.concatenate = layers.Concatenate()

    def __call__(self, s0, s1):
        states = [self.parts["preprocess0"](s0), self.parts["preprocess1"](s1)]
        for place in range(0, 8, 2):
            first, second = (
                self.parts[f"_ops.{k}"](states[self.sources[k]])
                for k in (place, place + 1)
            )
            states.append(first + second)
        return self.concatenate(states[2:])


class BaselineNetwork(keras.Model):
    """Normalised images (N, H, W, C), H and W divisible by 4 -> logits.

    Args:
        classes, channels, cells, in_channels: the sizes.

    Example:
        >>> model = BaselineNetwork(channels=4, cells=3)
        >>> model(np.zeros((2, 32, 32, 3), "float32")).shape
        TensorShape([2, 10])
    """

    def __init__(self, classes=10, channels=36, cells=20, in_channels=3):
        super().__init__()
        width = 3 * channels
        self.stem = Chain(
            {"0": convolution(in_channels, width, 3, 1, "float32"), "1": norm()}
        )
        parts = {"stem": self.stem}
        inputs, after_reduction = (width, width), False
        for index in range(cells):
            reduction = index in (cells // 3, 2 * cells // 3)
            channels *= 2 if reduction else 1
            parts[f"cells.{index}"] = Cell(
                inputs, channels, reduction, after_reduction
            )
            inputs, after_reduction = (inputs[1], 4 * channels), reduction
        self.cells = [parts[f"cells.{index}"] for index in range(cells)]
        self.pool = layers.GlobalAveragePooling2D()
        self.classifier = layers.Dense(
            classes,
            kernel_initializer=torch_uniform(inputs[1]),
            bias_initializer=torch_uniform(inputs[1]),
        )
        parts["classifier"] = self.classifier
        self.built = True
        self.call(np.zeros((1, 8, 8, in_channels), "float32"))
        stock = dict(stock_layers(parts))
        self.stock = list(stock.values())  # lets Keras see the variables
        self._by_name = {
            f"{name}.{suffix}": weight
            for name, layer in stock.items()
            for suffix, weight in authors_weights(layer)
        }

    def call(self, images):
        # Keras hands `training` on to every layer which is called in here.
        s0 = s1 = self.stem(images)
        for cell in self.cells:
            s0, s1 = s1, cell(s0, s1)
        return self.classifier(self.pool(s1))

    def load_authors(self, arrays):
        """Sets all weights and statistics: {authors' name: OIHW array}."""
        if different := arrays.keys() ^ self._by_name.keys():
            raise ValueError(f"load_authors: {sorted(different)[:3]} differ")
        for name, weight in self._by_name.items():
            weight.variable.assign(np.transpose(arrays[name], weight.to_keras))
