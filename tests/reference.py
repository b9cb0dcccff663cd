"""The plain DARTS supernet and its first-order search step.

A second implementation, independent of tfnas and frozen: the correctness and
the speed of the fast one are held against it. It is written edge by edge with
stock Keras layers; every candidate operation of every edge owns its layers,
both halves of a step compute all gradients as PyTorch's `backward()` does, and
nothing is compiled with XLA. DARTS: Liu et al. 2019, arXiv:1806.09055; layer
names, order of operations and constants are those of its authors' code
(github.com/quark0/darts, commit f276dd3, folder cnn).

One known difference from PyTorch: the moving variance of Keras's batch
normalisation averages the biased variance, PyTorch's the unbiased one.
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

# === Stock layers with PyTorch's constants and initial values ===


def torch_uniform(fan_in):
    """PyTorch's default for convolution and linear: U(+-1 / sqrt(fan_in))."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


def batch_norm(dtype, affine=False):
    return layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, center=affine, scale=affine, dtype=dtype
    )


def convolution(inputs, outputs, kernel, stride, dtype):
    return layers.Conv2D(
        outputs,
        kernel,
        strides=stride,
        padding="valid" if stride == 2 else "same",
        use_bias=False,
        kernel_initializer=torch_uniform(inputs * kernel**2),
        dtype=dtype,
    )


def depthwise(name, kernel, stride, dilation, dtype):
    """A depthwise convolution that pads alike on all sides, as PyTorch does.

    Keras's "same" does so at stride 1 only.
    """
    padding = dilation * (kernel // 2)
    layer = layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="valid" if stride == 2 else "same",
        dilation_rate=dilation,
        use_bias=False,
        depthwise_initializer=torch_uniform(kernel**2),
        dtype=dtype,
    )
    if stride == 1:
        return {name: layer}
    zeros = layers.ZeroPadding2D(padding, dtype=dtype)
    return {f"{name}.padding": zeros, name: layer}


# === Candidate operations; `parts` are keyed by the authors' names ===


class Chain:
    """Layers in a row."""

    def __init__(self, parts):
        self.parts = parts

    def __call__(self, x):
        for part in self.parts.values():
            x = part(x)
        return x


class Zero:
    """The operation `none`."""

    def __init__(self, stride):
        self.stride = stride

    def __call__(self, x):
        return 0 * x[:, :: self.stride, :: self.stride]


class Pool:
    """3x3 pooling and batch norm.

    TensorFlow's "same" pooling ignores the border, as PyTorch's maximum and
    the authors' average (count_include_pad=False) do, but at stride 2 its
    windows start elsewhere: so pool at stride 1 and keep every second pixel.
    """

    def __init__(self, pooling, stride, dtype):
        self.pool = pooling(3, strides=1, padding="same", dtype=dtype)
        self.stride = stride
        self.parts = {"1": batch_norm(dtype)}

    def __call__(self, x):
        x = self.pool(x)[:, :: self.stride, :: self.stride]
        return self.parts["1"](x)


class FactorizedReduce:
    """Halves the map: one 1x1 convolution sees even, one odd rows and columns.

    A map of odd size gets a row or column of zeros first.
    """

    def __init__(self, inputs, outputs, dtype):
        self.relu = layers.ReLU(dtype=dtype)
        half = outputs // 2
        self.parts = {
            "conv_1": convolution(inputs, half, 1, 2, dtype),
            "conv_2": convolution(inputs, half, 1, 2, dtype),
            "bn": batch_norm(dtype),
        }

    def __call__(self, x):
        x = self.relu(x)
        rows, columns = x.shape[1] % 2, x.shape[2] % 2
        if rows or columns:
            x = tf.pad(x, [[0, 0], [0, rows], [0, columns], [0, 0]])
        even = self.parts["conv_1"](x)
        odd = self.parts["conv_2"](x[:, 1:, 1:])
        return self.parts["bn"](tf.concat([even, odd], axis=-1))


def relu_conv_bn(inputs, outputs, dtype):
    return Chain(
        {
            "op.0": layers.ReLU(dtype=dtype),
            "op.1": convolution(inputs, outputs, 1, 1, dtype),
            "op.2": batch_norm(dtype),
        }
    )


def separable(channels, kernel, stride, dtype):
    return Chain(
        {"op.0": layers.ReLU(dtype=dtype)}
        | depthwise("op.1", kernel, stride, 1, dtype)
        | {
            "op.2": convolution(channels, channels, 1, 1, dtype),
            "op.3": batch_norm(dtype),
            "op.4": layers.ReLU(dtype=dtype),
        }
        | depthwise("op.5", kernel, 1, 1, dtype)
        | {
            "op.6": convolution(channels, channels, 1, 1, dtype),
            "op.7": batch_norm(dtype),
        }
    )


def dilated(channels, kernel, stride, dtype):
    return Chain(
        {"op.0": layers.ReLU(dtype=dtype)}
        | depthwise("op.1", kernel, stride, 2, dtype)
        | {
            "op.2": convolution(channels, channels, 1, 1, dtype),
            "op.3": batch_norm(dtype),
        }
    )


def skip(channels, stride, dtype):
    if stride == 1:
        return Chain({})
    return FactorizedReduce(channels, channels, dtype)


# === Supernet ===


class MixedOperation:
    """One edge: the sum of all eight candidates, weighted."""

    def __init__(self, channels, stride, dtype):
        candidates = [
            Zero(stride),
            Pool(layers.MaxPooling2D, stride, dtype),
            Pool(layers.AveragePooling2D, stride, dtype),
            skip(channels, stride, dtype),
            separable(channels, 3, stride, dtype),
            separable(channels, 5, stride, dtype),
            dilated(channels, 3, stride, dtype),
            dilated(channels, 5, stride, dtype),
        ]
        self.parts = {f"_ops.{k}": op for k, op in enumerate(candidates)}

    def __call__(self, x, weights):
        outputs = [op(x) for op in self.parts.values()]
        return tf.add_n([weights[k] * y for k, y in enumerate(outputs)])


class Cell:
    """Two inputs, `nodes` nodes that sum over all earlier states, a concat."""

    def __init__(self, inputs, channels, nodes, reduction, after_reduction, dt):
        self.nodes = nodes
        if after_reduction:
            first = FactorizedReduce(inputs[0], channels, dt)
        else:
            first = relu_conv_bn(inputs[0], channels, dt)
        second = relu_conv_bn(inputs[1], channels, dt)
        self.parts = {"preprocess0": first, "preprocess1": second}
        sources = [j for node in range(nodes) for j in range(node + 2)]
        for edge, source in enumerate(sources):
            stride = 2 if reduction and source < 2 else 1
            self.parts[f"_ops.{edge}"] = MixedOperation(channels, stride, dt)

    def __call__(self, s0, s1, weights):
        states = [self.parts["preprocess0"](s0), self.parts["preprocess1"](s1)]
        edge = 0
        for _ in range(self.nodes):
            incoming = []
            for state in states:
                mixed = self.parts[f"_ops.{edge}"]
                incoming.append(mixed(state, weights[edge]))
                edge += 1
            states.append(tf.add_n(incoming))
        return tf.concat(states[2:], axis=-1)


class AuthorsWeight(NamedTuple):
    """A variable and the axes for np.transpose to and from PyTorch's layout."""

    variable: keras.Variable
    to_keras: tuple[int, ...]
    to_torch: tuple[int, ...]


def stock_layers(parts, prefix=""):
    """Yields (authors' name, Keras layer) of all layers which hold weights."""
    for name, part in parts.items():
        if hasattr(part, "parts"):
            yield from stock_layers(part.parts, f"{prefix}{name}.")
        elif isinstance(part, layers.Layer) and part.weights:
            yield prefix + name, part


def authors_weights(layer):
    """Yields (authors' name within the layer, AuthorsWeight)."""
    vector = (0,), (0,)
    if isinstance(layer, layers.Conv2D):
        yield "weight", AuthorsWeight(layer.kernel, (2, 3, 1, 0), (3, 2, 0, 1))
    elif isinstance(layer, layers.DepthwiseConv2D):
        yield "weight", AuthorsWeight(layer.kernel, (2, 3, 0, 1), (2, 3, 0, 1))
    elif isinstance(layer, layers.Dense):
        yield "weight", AuthorsWeight(layer.kernel, (1, 0), (1, 0))
        yield "bias", AuthorsWeight(layer.bias, *vector)
    else:
        if layer.scale:
            yield "weight", AuthorsWeight(layer.gamma, *vector)
            yield "bias", AuthorsWeight(layer.beta, *vector)
        yield "running_mean", AuthorsWeight(layer.moving_mean, *vector)
        yield "running_var", AuthorsWeight(layer.moving_variance, *vector)


class BaselineSupernet(keras.Model):
    """The DARTS supernet: normalised (N, H, W, C) -> logits (N, classes).

    Args:
        classes, channels, cells, nodes, in_channels: the sizes; channels are
            those of the first cell, doubled at cells // 3 and 2 * cells // 3.
        dtype: "float32", "float64" or None, Keras's default.

    Attributes:
        alphas_normal, alphas_reduce: variables (edges, 8), raw (no softmax).

    Example:
        >>> model = BaselineSupernet(channels=4, cells=3)
        >>> model(np.zeros((2, 32, 32, 3), "float32"), training=True).shape
        TensorShape([2, 10])
    """

    def __init__(
        self,
        classes=10,
        channels=16,
        cells=8,
        nodes=4,
        in_channels=3,
        dtype=None,
    ):
        super().__init__(dtype=dtype)
        stem = {
            "0": convolution(in_channels, 3 * channels, 3, 1, dtype),
            "1": batch_norm(dtype, affine=True),
        }
        parts = {"stem": Chain(stem)}
        inputs, after_reduction = (3 * channels, 3 * channels), False
        self.reductions = (cells // 3, 2 * cells // 3)
        for index in range(cells):
            reduction = index in self.reductions
            channels *= 2 if reduction else 1
            parts[f"cells.{index}"] = Cell(
                inputs, channels, nodes, reduction, after_reduction, dtype
            )
            inputs = inputs[1], nodes * channels
            after_reduction = reduction
        parts["classifier"] = layers.Dense(
            classes,
            kernel_initializer=torch_uniform(inputs[1]),
            bias_initializer=torch_uniform(inputs[1]),
            dtype=dtype,
        )
        self.cells = [parts[f"cells.{index}"] for index in range(cells)]
        self.stem, self.classifier = parts["stem"], parts["classifier"]
        self.pool = layers.GlobalAveragePooling2D(dtype=dtype)

        edges = nodes * (nodes + 3) // 2
        normal = keras.initializers.RandomNormal(stddev=1e-3)
        self.alphas_normal = self.add_weight(
            (edges, 8), normal, name="alphas_normal"
        )
        self.alphas_reduce = self.add_weight(
            (edges, 8), normal, name="alphas_reduce"
        )

        self.built = True
        self.call(tf.zeros((1, 8, 8, in_channels), self.compute_dtype))
        stock = dict(stock_layers(parts))
        self.stock = list(stock.values())  # lets Keras see the variables
        self._by_name = {
            f"{name}.{suffix}": weight
            for name, layer in stock.items()
            for suffix, weight in authors_weights(layer)
        }

    def call(self, images, training=False):
        # Keras hands `training` on to every layer which is called in here.
        weights_normal = tf.nn.softmax(self.alphas_normal.value, axis=-1)
        weights_reduce = tf.nn.softmax(self.alphas_reduce.value, axis=-1)
        s0 = s1 = self.stem(images)
        for index, cell in enumerate(self.cells):
            reduction = index in self.reductions
            weights = weights_reduce if reduction else weights_normal
            s0, s1 = s1, cell(s0, s1, weights)
        return self.classifier(self.pool(s1))

    def weights_by_name(self):
        """Returns {authors' PyTorch name: AuthorsWeight}, buffers included."""
        return dict(self._by_name)

    def parameters(self):
        """Returns {authors' name: AuthorsWeight} of what SGD trains."""
        return {k: w for k, w in self._by_name.items() if w.variable.trainable}

    def alphas(self):
        return {
            "alphas_normal": self.alphas_normal,
            "alphas_reduce": self.alphas_reduce,
        }

    def load_authors(self, arrays):
        """Sets all weights from arrays in PyTorch's names and layout.

        Args:
            arrays: {name: array}; buffers and alphas may be missing.

        Raises:
            ValueError: a parameter missing, a name unknown or a shape wrong.
        """
        arrays = {
            name: array
            for name, array in arrays.items()
            if not name.endswith("num_batches_tracked")
        }
        missing = self.parameters().keys() - arrays.keys()
        unknown = arrays.keys() - self._by_name.keys() - self.alphas().keys()
        if missing or unknown:
            raise ValueError(
                f"load_authors: missing {sorted(missing)[:3]}, unknown"
                f" {sorted(unknown)[:3]}; pass the arrays of the same net"
            )
        for name, array in arrays.items():
            if name in self._by_name:
                weight = self._by_name[name]
                weight.variable.assign(np.transpose(array, weight.to_keras))
            else:
                self.alphas()[name].assign(array)

    def gradients(self, images, labels):
        """Cross entropy in training mode and all its gradients, Keras layout.

        Moving statistics are updated, as in any forward pass of training.

        Returns:
            loss, gradients of parameters(), gradients of alphas() (lists).
        """
        weights = [w.variable.value for w in self.parameters().values()]
        alphas = [alpha.value for alpha in self.alphas().values()]
        with tf.GradientTape() as tape:
            logits = self(images, training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            )
        return loss, *tape.gradient(loss, (weights, alphas))

    def weight_gradients(self, images, labels):
        """Returns {authors' name: gradient as an array in PyTorch's layout}."""
        _, gradients, _ = self.gradients(images, labels)
        return {
            name: np.transpose(gradient, weight.to_torch)
            for (name, weight), gradient in zip(
                self.parameters().items(), gradients, strict=True
            )
        }

    def alpha_gradients(self, images, labels):
        """Returns {"alphas_normal": (edges, 8), "alphas_reduce": ...}."""
        _, _, gradients = self.gradients(images, labels)
        arrays = [gradient.numpy() for gradient in gradients]
        return dict(zip(self.alphas(), arrays, strict=True))


# === Search step ===


def zeros_like(values):
    return [tf.Variable(tf.zeros_like(v), trainable=False) for v in values]


class BaselineSearch:
    """First-order DARTS: alpha on the validation batch, then the weights.

    Weights: SGD in PyTorch's form, momentum 0.9, L2 3e-4 added to the gradient
    after clipping its norm to 5. Alpha: Adam in PyTorch's form, learning rate
    3e-4, betas 0.5 and 0.999, epsilon 1e-8, L2 1e-3 added to the gradient.

    Args:
        model: a BaselineSupernet.
        learning_rate: of the weights; kept in the variable `learning_rate`,
            which the caller anneals.

    Example:
        >>> search = BaselineSearch(BaselineSupernet(channels=4, cells=3))
        >>> batch = np.zeros((2, 32, 32, 3), "float32"), np.array([0, 1])
        >>> float(search.step(batch, batch)["train_loss"]) > 0
        True
    """

    def __init__(self, model, learning_rate=0.025):
        self.model = model
        self.weights = [w.variable.value for w in model.parameters().values()]
        self.alphas = [alpha.value for alpha in model.alphas().values()]
        dtype = self.alphas[0].dtype
        self.learning_rate = tf.Variable(
            learning_rate, trainable=False, dtype=dtype
        )
        self.momenta = zeros_like(self.weights)
        self.first, self.second = (
            zeros_like(self.alphas),
            zeros_like(self.alphas),
        )
        self.steps = tf.Variable(0, trainable=False, dtype=dtype)
        self.step = tf.function(self._step, jit_compile=False)

    def _step(self, train_batch, valid_batch):
        """One step on batches (images (N, H, W, C), labels (N,)).

        Returns:
            The losses and norms of the raw gradients, a dict of scalars; the
            norms keep TensorFlow from pruning the gradients a step leaves out.
        """
        valid_loss, valid_w, valid_alpha = self.model.gradients(*valid_batch)
        self._adam(valid_alpha)
        train_loss, train_w, train_alpha = self.model.gradients(*train_batch)
        train_norm = tf.linalg.global_norm(train_w)
        self._sgd(train_w, train_norm)
        return {
            "valid_loss": valid_loss,
            "train_loss": train_loss,
            "valid_weight_norm": tf.linalg.global_norm(valid_w),
            "valid_alpha_norm": tf.linalg.global_norm(valid_alpha),
            "train_weight_norm": train_norm,
            "train_alpha_norm": tf.linalg.global_norm(train_alpha),
        }

    def _adam(self, gradients):
        t = self.steps.assign_add(1)
        for alpha, g, m, v in zip(
            self.alphas, gradients, self.first, self.second, strict=True
        ):
            g += 1e-3 * alpha
            m.assign(0.5 * m + 0.5 * g)
            v.assign(0.999 * v + 0.001 * g**2)
            m_hat = m / (1 - 0.5**t)
            v_hat = v / (1 - 0.999**t)
            alpha.assign_sub(3e-4 * m_hat / (tf.sqrt(v_hat) + 1e-8))

    def _sgd(self, gradients, norm):
        clip = tf.minimum(5 / (norm + 1e-6), 1)
        for w, g, momentum in zip(
            self.weights, gradients, self.momenta, strict=True
        ):
            momentum.assign(0.9 * momentum + clip * g + 3e-4 * w)
            w.assign_sub(self.learning_rate * momentum)
