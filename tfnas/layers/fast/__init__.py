"""What makes a supernet's step fast on a CPU."""
