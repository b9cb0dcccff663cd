"""What a search method is: a choice on each of the survey's five axes.

A method file holds one `Method`: a search space, a relaxation, a bilevel
update, a schedule, a derivation, and the authors' values for them. Every field
with a help text is also a flag of `python -m tfnas.search`.
"""

import dataclasses
from collections.abc import Mapping

from tfnas import spaces
from tfnas.choice import check_values, choice, fields
from tfnas.errors import UserError
from tfnas.genotype import ATTENTIONS
from tfnas.methods.rules import contradictions
from tfnas.schedule import Stage
from tfnas.spaces.attention import PLACEMENTS
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
    space: str = choice("darts", "search space", spaces.names())
    operations: tuple[str, ...] = choice(
        PRIMITIVES,
        "candidate operations of every edge",
        spaces.candidates(),
    )
    nodes: int = choice(4, "intermediate nodes of a cell", least=1)
    channels: int = choice(
        16, "channels of the first cell, or of the mobile stem", least=1
    )
    stem: str = choice(
        "cifar",
        "first layers; imagenet makes the map smaller by 8",
        ("cifar", "imagenet"),
    )
    attention: str = choice(
        "none", "where attentions are searched too", tuple(PLACEMENTS)
    )
    partial_channels: int = choice(
        1, "K: one K-th of the channels enters the mixed operation", least=1
    )
    edge_normalization: bool = choice(
        False, "weigh whole edges by a softmax over each node's edges"
    )

    # === Relaxation (survey 3.2) ===
    relaxation: str = choice(
        "softmax", "from alpha to mixing weights", ("softmax", "sigmoid")
    )
    alpha_deviation: float = choice(
        1e-3, "standard deviation of alpha's normal initial values", least=0
    )
    smoothing: float = choice(
        0.0, "last radius of SDARTS's random perturbation; 0 is none", least=0
    )
    auxiliary_skip: bool = choice(
        False, "add DARTS-'s skip, which fades, to every edge"
    )

    # === Bilevel update (survey 3.2, equations 3 to 8) ===
    halves: str = choice(
        "index",
        "which training images are for the weights, which for alpha, and which "
        "--train_images takes: each class's share by the seed, or the first "
        "and the last, as the authors",
        ("stratified", "index"),
    )
    order: int = choice(1, "order of the gradient in alpha", (1, 2))
    second_order: str = choice(
        "finite_difference",
        "how order 2 is computed; the authors use finite differences",
        ("finite_difference", "exact"),
    )
    inner_steps: int = choice(1, "weight steps for each alpha step", least=1)
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
    alpha_clip: float = choice(
        0.0, "largest norm of alpha's gradient; 0 is any", least=0
    )
    zero_one_weight: float = choice(
        0.0, "weight of Fair DARTS's zero-one loss on alpha", least=0
    )
    zero_one_norm: str = choice(
        "l2", "distance that the zero-one loss takes", ("l2", "l1")
    )
    beta_decay: float = choice(
        0.0, "last weight of beta-DARTS's loss on alpha; 0 is none", least=0
    )
    budget_macs: float = choice(
        0.0,
        "multiply-adds, in millions, that the derived network may have at 36 "
        "channels and 20 cells, whatever the supernet's size; 0 is any",
        least=0,
    )
    budget_weight: float = choice(
        1.0, "weight of the loss for exceeding --budget_macs", least=0
    )

    # === Schedule (survey 3.3) ===
    epochs: int = choice(50, "epochs of each stage", least=1)
    cells: tuple[int, ...] = choice(
        (8,), "cells of the supernet, one number a stage", least=3
    )
    operations_kept: tuple[int, ...] = choice(
        (), "candidates of an edge in the second stage, the third, ...", least=1
    )
    warmup_epochs: int = choice(
        0, "first epochs of a stage, which leave alpha as it is", least=0
    )
    skip_dropout: tuple[float, ...] = choice(
        (0.0,), "first dropout rate of the skips, one number a stage", least=0
    )
    stop_skips: int = choice(
        0, "stop once the normal cell has so many skips; 0 is never", least=0
    )
    batch_size: int = choice(
        64, "images in a training and in a valid batch", least=1
    )
    augmentation: str = choice(
        "cifar",
        "cifar pads, crops and flips; imagenet leaves images in their files, "
        "crops them at random, resizes and flips",
        ("cifar", "imagenet"),
    )

    # === Derivation (survey 3.4) ===
    derivation: str = choice(
        "top2",
        "rule that makes the genotype",
        ("top2", "pdarts", "threshold_node", "threshold_edge", "strongest"),
    )
    threshold: float | None = choice(
        None, "smallest weight that the threshold rules keep", least=0
    )
    skip_limit: int | None = choice(
        None, "skips that the rule pdarts allows the normal cell", least=0
    )

    # Changes to the values above, by the name that --preset takes. The paper's
    # values are the method's own; "quick" is what a CPU finishes in minutes,
    # and splits the images so that no class is missing.
    presets: Mapping[str, Mapping] = dataclasses.field(default_factory=dict)

    @property
    def search_space(self):
        """The `Space` that `space` names."""
        return spaces.get(self.space)

    @property
    def placement(self):
        """The `Placement` that `attention` names."""
        return PLACEMENTS[self.attention]

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

        A change of the space brings that space's values with it.

        Args:
            values: {name of a flag: value}.

        Raises:
            UserError: for a value that cannot be, or not beside the others.

        Example: `methods.get("darts").with_flags({"epochs": 3})`.
        """
        method = dataclasses.replace(self, **values)
        check_values(method)  # the name of the space among them
        if method.space != self.space:
            own = method.search_space.method_values(self)
            method = dataclasses.replace(self, **{**own, **values})
        method.check()
        return method

    def typed_over(self, values):
        """The method with what was typed; what nobody typed gives way to it.

        Raises:
            UserError: as `with_flags` does.

        Example: `methods.get("pdarts").typed_over({"epochs": 5})`.
        """
        given = {}
        epochs = values.get("epochs", self.epochs)
        if self.warmup_epochs >= epochs:
            given["warmup_epochs"] = epochs // 2
        rate = values.get("learning_rate", self.learning_rate)
        if self.learning_rate_min > rate:
            given["learning_rate_min"] = rate
        if len(values.get("cells", ())) == 1:
            given["operations_kept"] = ()
            given["skip_dropout"] = self.skip_dropout[:1]
        return self.with_flags({**given, **values})

    def check(self):
        """Raise a `UserError` that names the first value that cannot be."""
        check_values(self)
        for wrong, message in contradictions(self):
            if wrong:
                raise UserError(message)

    def candidates(self):
        """What competes on every edge in the first stage.

        Example: with `attention="mixed_with_operation"` 13 names.
        """
        compete = ATTENTIONS[1:] if self.placement.compete else ()
        return (*self.operations, *compete)

    def stages(self):
        """The stages of the search, a tuple of `schedule.Stage`.

        Example: `len(methods.get("pdarts").stages())` is 3.
        """
        kept = (len(self.candidates()), *self.operations_kept)
        return tuple(
            Stage(cells, operations, self.epochs, self.warmup_epochs, rate)
            for cells, operations, rate in zip(
                self.cells, kept, self.skip_dropout, strict=True
            )
        )
