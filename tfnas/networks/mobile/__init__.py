"""Networks of the mobile space: the supernet, and what it finds."""
