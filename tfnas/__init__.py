"""Differentiable architecture search for image classifiers.

Public names are looked up on first use (PEP 562), so that importing tfnas costs
nothing and imports neither TensorFlow nor Keras. Once tfnas and Keras are both
imported, in either order, `keras.models.load_model` reads `.keras` files of
supernets and networks (`tfnas.networks.registered`).

Example:

```python
import tfnas

supernet = tfnas.Supernet("darts", channels=4, cells=3)
print(supernet.derive().to_json())
```
"""

import importlib
import importlib.util

from tfnas.networks import registered

__version__ = "0.2.0"

_HOMES = {
    "auto_search": "tfnas.auto.call",
    "BilevelSearch": "tfnas.bilevel.search",
    "Genotype": "tfnas.genotype.format",
    "Supernet": "tfnas.networks.darts.supernet",
    "build_network": "tfnas.zoo.loading",
    "export_network": "tfnas.export.run",
    "list_models": "tfnas.zoo.index",
    "load": "tfnas.zoo.loading",
    "run_search": "tfnas.search.call",
    "run_training": "tfnas.train.call",
}
# Modules with a shorter public name.
_MODULES = {"drawing": "tfnas.genotype.drawing"}


registered.with_keras()


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    module = _MODULES.get(name, f"{__name__}.{name}")
    if name.startswith("_") or importlib.util.find_spec(module) is None:
        raise AttributeError(f"module 'tfnas' has no attribute {name!r}")
    return importlib.import_module(module)


def __dir__():
    return sorted([*globals(), *_HOMES, *_MODULES])
