"""Networks of the mobile space: the supernet and those of genotypes."""
