"""Networks of the space of DARTS."""
