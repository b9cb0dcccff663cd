"""Fast layers for a supernet's step on a CPU."""
