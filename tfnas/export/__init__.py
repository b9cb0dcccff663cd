"""Export a network for servers without tfnas."""

import importlib

from tfnas.export.config import ExportConfig, main
from tfnas.export.requirements import check_libraries

_HOMES = {"export_network": "run", "onnx_runner": "onnx_file"}
__all__ = [
    "ExportConfig",
    "check_libraries",
    "export_network",
    "main",
    "onnx_runner",
]


def __getattr__(name):
    """The names that need TensorFlow."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    return getattr(module, name)
