"""Search spaces: what can be found (survey, section 3.1)."""

from tfnas.genotype import OPERATIONS


def names() -> tuple[str, ...]:
    """Returns the names of the search spaces, "darts" first."""
    return tuple(OPERATIONS)
