"""A network for servers that do not have tfnas."""

from tfnas.export.config import ExportConfig, main, resolve

__all__ = ["ExportConfig", "main", "resolve"]
