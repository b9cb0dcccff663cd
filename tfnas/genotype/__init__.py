"""Genotypes: the file format, its schema, and pictures."""

from tfnas.genotype.format import Cell, Edge, Genotype
from tfnas.genotype.schema import ATTENTIONS, OPERATIONS, GenotypeError

__all__ = [
    "ATTENTIONS",
    "OPERATIONS",
    "Cell",
    "Edge",
    "Genotype",
    "GenotypeError",
]
