"""What a search method is: a choice on each of the survey's five axes.

A method file holds one `Method`: a search space, a relaxation, a bilevel
update, a schedule, a derivation, and the authors' values for them. Every field
with a help text is also a flag of `python -m tfnas.search`.
"""

import dataclasses
from collections.abc import Mapping

from tfnas.choice import choice, fields
from tfnas.errors import UserError
from tfnas.spaces.darts import PRIMITIVES


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
    space: str = choice("darts", "search space", ("darts",))
    operations: tuple[str, ...] = choice(
        PRIMITIVES, "candidate operations of every edge", PRIMITIVES
    )
    nodes: int = choice(4, "intermediate nodes of a cell", least=1)
    channels: int = choice(16, "channels of the first cell", least=1)
    cells: tuple[int, ...] = choice(
        (8,), "cells of the supernet, one number a stage", least=3
    )

    # === Relaxation (survey 3.2) ===
    relaxation: str = choice(
        "softmax", "from alpha to mixing weights", ("softmax", "sigmoid")
    )
    alpha_deviation: float = choice(
        1e-3, "standard deviation of alpha's normal initial values", least=0
    )

    # === Bilevel update (survey 3.2, equations 3 to 8) ===
    order: int = choice(1, "order of the gradient in alpha", (1, 2))
    second_order: str = choice(
        "finite_difference",
        "how order 2 is computed; the authors use finite differences",
        ("finite_difference", "exact"),
    )
    learning_rate: float = choice(
        0.025, "initial learning rate of the weights", least=0
    )
    learning_rate_min: float = choice(
        0.001, "where the cosine of the learning rate ends", least=0
    )
    momentum: float = choice(0.9, "momentum of the weights' SGD", least=0)
    weight_decay: float = choice(3e-4, "L2 of the weights", least=0)
    gradient_clip: float = choice(
        5.0, "largest norm of the weights' gradient", least=0
    )
    alpha_learning_rate: float = choice(
        3e-4, "learning rate of alpha's Adam", least=0
    )
    alpha_beta_1: float = choice(
        0.5, "first-moment decay of alpha's Adam", least=0
    )
    alpha_weight_decay: float = choice(1e-3, "L2 of alpha", least=0)

    # === Schedule (survey 3.3) ===
    epochs: int = choice(50, "epochs of each stage", least=1)
    batch_size: int = choice(
        64, "images in a training and in a valid batch", least=1
    )

    # === Derivation (survey 3.4) ===
    derivation: str = choice("top2", "rule that makes the genotype", ("top2",))

    # Changes to the values above, by the name that --preset takes. The paper's
    # values are the method's own; "quick" is what a CPU finishes in minutes.
    presets: Mapping[str, Mapping] = dataclasses.field(default_factory=dict)

    def values(self):
        """The values of the flags as a dict."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def with_preset(self, name):
        """The method with a preset's values put over its own.

        Raises:
            UserError: for a name that is not one of its presets.

        Example: `methods.get("darts").with_preset("quick")`.
        """
        if name not in self.presets:
            raise UserError(
                f"--preset={name}: {self.name} has " + ", ".join(self.presets)
            )
        return self.with_flags(self.presets[name])

    def with_flags(self, values):
        """The method with some of its values replaced, checked.

        Args:
            values: {name of a flag: value}.

        Raises:
            UserError: for a value that cannot be, or not beside the others.

        Example: `methods.get("darts").with_flags({"epochs": 3})`.
        """
        method = dataclasses.replace(self, **values)
        method.check()
        return method

    def check(self):
        """Raise a `UserError` that names the first value that cannot be."""
        for field in fields(self):
            value, minimum = getattr(self, field.name), field.metadata["least"]
            parts = value if isinstance(value, tuple) else (value,)
            if not parts or (
                minimum is not None and any(part < minimum for part in parts)
            ):
                shown = ",".join(map(str, parts))
                raise UserError(
                    f"--{field.name}={shown}: use {minimum} or more"
                )
            options = field.metadata["options"]
            for part in parts if options else ():
                if part not in options:
                    raise UserError(
                        f"--{field.name}={part}: choose from "
                        + ", ".join(map(str, options))
                    )
