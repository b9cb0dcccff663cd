"""A network for servers that do not have tfnas.

The package can be called, as `tfnas.export(network, ...)`, which is
`tfnas.export.run.export`: a function of that name could not stand beside
the command's package.
"""

import sys
import types

from tfnas.export.config import ExportConfig, main, resolve

__all__ = ["ExportConfig", "main", "resolve"]


class _Callable(types.ModuleType):
    def __call__(self, *args, **kwargs):
        from tfnas.export.run import export

        return export(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
