"""Devices, threads and the workers of a run."""
