"""What computes: devices, threads, the workers of a run."""
