"""Networks of NAS-Bench-201: the supernet, and what it finds."""
