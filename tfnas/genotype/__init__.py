"""What a search finds: the one file format, its schema, and its pictures."""

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
