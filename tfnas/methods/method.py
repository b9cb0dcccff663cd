"""What a search method is: a choice on each of the survey's five axes.

A method file holds one `Method`: a search space, a relaxation, a bilevel
update, a schedule, a derivation, and the authors' values for them. Every field
with a help text is also a flag of `python -m tfnas.search`.
"""

import dataclasses
from collections.abc import Mapping

from tfnas.spaces.darts import PRIMITIVES


def choice(default, text, options=None):
    """A field that is a flag: its default, its help, its legal values."""
    return dataclasses.field(
        default=default, metadata={"help": text, "options": options}
    )


@dataclasses.dataclass(frozen=True)
class Method:
    """The values of a method; the defaults are those of DARTS.

    Example:

    ```python
    METHOD = Method(name="mine", title="My method", paper="...", order=2)
    ```
    """

    name: str
    title: str
    paper: str

    # === Search space (survey 3.1) ===
    space: str = choice("darts", "search space")
    operations: tuple[str, ...] = choice(
        PRIMITIVES, "candidate operations of every edge, comma-separated"
    )
    nodes: int = choice(4, "intermediate nodes of a cell")
    channels: int = choice(16, "channels of the first cell")
    cells: tuple[int, ...] = choice(
        (8,), "cells of the supernet, one number a stage"
    )

    # === Relaxation (survey 3.2) ===
    relaxation: str = choice(
        "softmax", "from alpha to mixing weights", ("softmax", "sigmoid")
    )
    alpha_deviation: float = choice(
        1e-3, "standard deviation of alpha's normal initial values"
    )

    # === Bilevel update (survey 3.2, equations 3 to 8) ===
    order: int = choice(1, "order of the gradient in alpha", (1, 2))
    second_order: str = choice(
        "finite_difference",
        "how order 2 is computed; the authors use finite differences",
        ("finite_difference", "exact"),
    )
    learning_rate: float = choice(0.025, "initial learning rate of the weights")
    learning_rate_min: float = choice(
        0.001, "where the cosine of the learning rate ends"
    )
    momentum: float = choice(0.9, "momentum of the weights' SGD")
    weight_decay: float = choice(3e-4, "L2 of the weights")
    gradient_clip: float = choice(5.0, "largest norm of the weights' gradient")
    alpha_learning_rate: float = choice(3e-4, "learning rate of alpha's Adam")
    alpha_beta_1: float = choice(0.5, "first-moment decay of alpha's Adam")
    alpha_weight_decay: float = choice(1e-3, "L2 of alpha")

    # === Schedule (survey 3.3) ===
    epochs: int = choice(50, "epochs of each stage")
    batch_size: int = choice(64, "images in a training and in a valid batch")

    # === Derivation (survey 3.4) ===
    derivation: str = choice("top2", "rule that makes the genotype", ("top2",))

    # Changes to the values above, by the name that --preset takes. The paper's
    # values are the method's own; "quick" is what a CPU finishes in minutes.
    presets: Mapping[str, Mapping] = dataclasses.field(default_factory=dict)

    @classmethod
    def flags(cls):
        """The fields that are flags, in the order of the axes."""
        return [f for f in dataclasses.fields(cls) if "help" in f.metadata]

    def values(self):
        """The values of these fields as a dict."""
        return {f.name: getattr(self, f.name) for f in self.flags()}
