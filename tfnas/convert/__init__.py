"""Convert the authors' PyTorch weights to Keras and back."""

from tfnas.convert.config import ConvertConfig, main

_FUNCTIONS = ("from_authors", "load_authors_weights", "to_authors")
__all__ = ["ConvertConfig", "main"]


def __getattr__(name):
    """The functions of `authors`, which need TensorFlow."""
    if name in _FUNCTIONS:
        from tfnas.convert import authors

        return getattr(authors, name)
    raise AttributeError(f"module 'tfnas.convert' has no attribute {name!r}")
