"""Open a local page to try a network on your own images."""

from tfnas.demo.config import DemoConfig, main, resolve

__all__ = ["DemoConfig", "main", "resolve"]
