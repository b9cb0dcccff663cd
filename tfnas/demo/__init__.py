"""A local page to try a network on one's own images."""

from tfnas.demo.config import DemoConfig, main, resolve

__all__ = ["DemoConfig", "main", "resolve"]
