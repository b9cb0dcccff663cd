"""The classes of `.keras` files, known to Keras once it and tfnas are imported.

Keras reads a file by the classes that it knows and imports no module that a
file names. As importing them all would start TensorFlow, each class has a
stand-in that imports it when a file asks for it.
"""

import functools
import importlib
import sys

# Every class that is registered with Keras, by its module.
HOMES = {
    "tfnas.layers.attention.modules": (
        "ConvolutionalBlockAttention",
        "DoubleAttention",
        "GatherExcite",
        "IdentityAttention",
        "SqueezeExcitation",
    ),
    "tfnas.layers.attention.operation": ("AttentionOperation",),
    "tfnas.layers.auxiliary": ("AuxiliaryHead", "TrainingReLU"),
    "tfnas.networks.nasbench201.cells": (
        "BenchCell",
        "BenchSearchCell",
        "ResidualBlock",
    ),
    "tfnas.layers.attention.bottleneck": ("BottleneckAttention",),
    "tfnas.networks.darts.search_cell": ("SearchCell",),
    "tfnas.layers.drop_path": ("DropPath",),
    "tfnas.networks.genotype_cell": ("GenotypeCell", "GenotypeEdge"),
    "tfnas.layers.image_normalization": ("ImageNormalization",),
    "tfnas.networks.mobile.inverted": (
        "ConvolutionBlock",
        "Dropout",
        "InvertedBottleneck",
        "MixedLayer",
        "Skip",
    ),
    "tfnas.layers.mixed": ("MixedOperation",),
    "tfnas.layers.attention.mixed": ("MixedAttention",),
    "tfnas.layers.fast.normalization": ("BatchNormalization",),
    "tfnas.layers.operations": (
        "DenseConvolution",
        "DilatedConvolution",
        "FactorizedConvolution",
        "Identity",
        "Pool",
        "SeparableConvolution",
        "Zero",
    ),
    "tfnas.layers.outgoing": ("OutgoingEdges",),
    "tfnas.layers.reduction": ("FactorizedReduce", "ReluConvolution"),
    "tfnas.layers.stem": ("ImagenetStem", "StemConvolution"),
    "tfnas.networks.classifier": ("ImageClassifier",),
    "tfnas.networks.mobile.supernet": ("MobileSupernet",),
    "tfnas.networks.nasbench201.supernet": ("BenchSupernet",),
    "tfnas.networks.darts.supernet": ("Supernet",),
    "tfnas.bilevel.optimizers": ("SGD", "Adam"),
}


def with_keras():
    """Register the classes: now if Keras is imported, else once it is."""
    if "keras" in sys.modules:
        register()
    else:
        sys.meta_path.insert(0, _Watch())


def register():
    """Put a stand-in in Keras's registry for each class not yet imported."""
    known = sys.modules["keras"].saving.get_custom_objects()
    for module, names in HOMES.items():
        for name in names:
            known.setdefault(f"tfnas>{name}", StandIn(module, name))


class StandIn:
    """The stand-in of a class in Keras's registry until it is imported.

    The import puts the class itself in its place.

    Args:
        module: where the class is.
        name: the class's.
    """

    def __init__(self, module, name):
        self.module, self.name = module, name

    def from_config(self, config):
        found = getattr(importlib.import_module(self.module), self.name)
        return found.from_config(config)


class _Watch:
    """A module finder that waits for Keras."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        for finder in others:
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                execute = spec.loader.exec_module
                spec.loader.exec_module = functools.partial(
                    _then_register, execute
                )
                return spec
        return None


def _then_register(execute, module):
    execute(module)
    register()
