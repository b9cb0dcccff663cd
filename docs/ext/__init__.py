"""Sphinx extensions of the manual."""
