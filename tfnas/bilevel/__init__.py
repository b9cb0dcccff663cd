"""Bilevel optimisation of alpha and w (survey 3.2, equations 3 to 5)."""


def __getattr__(name):
    """`architecture_gradients`, which needs TensorFlow."""
    if name == "architecture_gradients":
        from tfnas.bilevel.search import architecture_gradients

        return architecture_gradients
    raise AttributeError(f"module 'tfnas.bilevel' has no attribute {name!r}")
