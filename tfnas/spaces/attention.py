"""Where Att-DARTS puts attention in a search cell (survey 3.1).

Source: Nakai, Matsubara and Uehara, Att-DARTS (2020), and the authors' code
(https://github.com/chomin/Att-DARTS), which knows all six placements; the
paper's method is `after_every`.
"""

import dataclasses

from tfnas.genotype import ATTENTIONS
from tfnas.spaces.darts import PRIMITIVES

# Operations and attentions that compete on equal terms.
OPERATIONS_AND_ATTENTIONS = PRIMITIVES + ATTENTIONS[1:]


@dataclasses.dataclass(frozen=True)
class Placement:
    """What a placement adds to a search cell.

    Attributes:
        compete: whether attentions are candidates next to the operations.
        second: candidates of a second mixture on the result of each edge's
            first one; beta weighs them.
        end: candidates of a mixture on the cell's output; gamma weighs them.
    """

    compete: bool = False
    second: tuple[str, ...] = ()
    end: tuple[str, ...] = ()


PLACEMENTS = {
    "none": Placement(),
    "after_every": Placement(second=ATTENTIONS),
    "end": Placement(end=ATTENTIONS),
    "after_every_and_end": Placement(second=ATTENTIONS, end=ATTENTIONS),
    "mixed_with_operation": Placement(compete=True),
    "double_mixed": Placement(compete=True, second=OPERATIONS_AND_ATTENTIONS),
}
