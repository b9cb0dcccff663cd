"""A search method: a choice on each of the survey's five axes.

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
from tfnas.methods.rules import THRESHOLD_RULES, contradictions
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
        PRIMITIVES, "candidate operations of every edge", spaces.candidates()
    )
    nodes: int = choice(4, "intermediate nodes of a cell", least=1)
    channels: int = choice(
        16, "channels of the first cell, or of the mobile space's stem", least=1
    )
    stem: str = choice(
        "cifar",
        "first layers; imagenet shrinks the map by a factor of 8",
        ("cifar", "imagenet"),
    )
    attention: str = choice(
        "none", "where attentions are searched as well", tuple(PLACEMENTS)
    )
    partial_channels: int = choice(
        1, "K: 1/K of the channels enter the mixed operation", least=1
    )
    edge_normalization: bool = choice(
        False, "weigh edges by a softmax over each node's edges"
    )

    # === Relaxation (survey 3.2) ===
    relaxation: str = choice(
        "softmax",
        "how alpha becomes mixing weights; the last three draw them anew in "
        "each step",
        ("softmax", "sigmoid", "gumbel", "gumbel_hard", "dirichlet"),
    )
    temperature: float = choice(
        10.0, "temperature of the Gumbel-softmax in the first epoch", least=0
    )
    temperature_min: float = choice(
        0.1, "temperature of the Gumbel-softmax in the last epoch", least=0
    )
    alpha_deviation: float = choice(
        1e-3, "standard deviation of alpha's initial values", least=0
    )
    smoothing: float = choice(
        0.0, "final radius of SDARTS's perturbation; 0 turns it off", least=0
    )
    auxiliary_skip: bool = choice(
        False, "add DARTS-'s fading skip to every edge"
    )

    # === Bilevel update (survey 3.2, equations 3 to 8) ===
    halves: str = choice(
        "index",
        "how training images are split between weights and alpha, and which "
        "--train_images takes: stratified draws each class's share by the "
        "seed; index takes the first and the last, as the authors do",
        ("stratified", "index"),
    )
    order: int = choice(1, "order of the gradient in alpha", (1, 2))
    second_order: str = choice(
        "finite_difference",
        "how --order=2 is computed; the authors use finite differences",
        ("finite_difference", "exact"),
    )
    inner_steps: int = choice(1, "weight steps per alpha step", least=1)
    learning_rate: float = choice(
        0.025, "initial learning rate of the weights", least=0
    )
    learning_rate_min: float = choice(
        0.001, "final learning rate of the weights' cosine schedule", least=0
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
        0.0, "largest norm of alpha's gradient; 0 does not clip", least=0
    )
    zero_one_weight: float = choice(
        0.0, "weight of Fair DARTS's zero-one loss on alpha", least=0
    )
    zero_one_norm: str = choice("l2", "norm of the zero-one loss", ("l2", "l1"))
    beta_decay: float = choice(
        0.0, "final weight of beta-DARTS's loss; 0 turns it off", least=0
    )
    dirichlet_kl: float = choice(
        0.0,
        "weight of DrNAS's divergence from the uniform Dirichlet distribution",
        least=0,
    )
    budget_macs: float = choice(
        0.0,
        "most multiply-adds, in millions, of the derived network at 36 "
        "channels and 20 cells, whatever the supernet's size; 0 sets no limit",
        least=0,
    )
    budget_weight: float = choice(
        1.0, "weight of the loss for exceeding --budget_macs", least=0
    )

    # === Schedule (survey 3.3) ===
    epochs: int = choice(50, "epochs of each stage", least=1)
    cells: tuple[int, ...] = choice(
        (8,), "cells of the supernet, one number per stage", least=3
    )
    operations_kept: tuple[int, ...] = choice(
        (), "candidates of an edge in each later stage", least=1
    )
    later_partial_channels: tuple[int, ...] = choice(
        (), "K of each later stage; by default --partial_channels", least=1
    )
    keep_alpha: bool = choice(
        False, "candidates keep their alpha in the next stage"
    )
    warmup_epochs: int = choice(
        0, "first epochs of a stage, which leave alpha unchanged", least=0
    )
    skip_dropout: tuple[float, ...] = choice(
        (0.0,), "initial dropout rate of skips, one number per stage", least=0
    )
    stop_skips: int = choice(
        0, "stop once the normal cell has so many skips; 0 never stops", least=0
    )
    batch_size: int = choice(
        64, "images in a training batch and in a validation batch", least=1
    )
    augmentation: str = choice(
        "cifar",
        "cifar pads, crops and flips; imagenet leaves the images in their "
        "files and crops at random, resizes and flips",
        ("cifar", "imagenet"),
    )

    # === Derivation (survey 3.4) ===
    derivation: str = choice(
        "top2",
        "rule that derives the genotype",
        ("top2", "pdarts", "threshold_node", "threshold_edge", "strongest")
        + ("perturbation",),
    )
    threshold: float | None = choice(
        None, "smallest weight that the threshold rules keep", least=0
    )
    skip_limit: int | None = choice(
        None, "most skips in the normal cell under the rule pdarts", least=0
    )
    perturbation_epochs: int = choice(
        5,
        "epochs of search steps between two choices of the rule perturbation",
        least=0,
    )

    # Changes to the values above, by --preset's name. The paper's values are
    # the method's own; "quick" ends within minutes on a CPU and splits the
    # images so that no class is missing.
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
        """The method with the values of a preset.

        Raises:
            UserError: if it has no preset of this name.

        Example: `methods.get("darts").with_preset("quick")`.
        """
        if name not in self.presets:
            raise UserError(
                f"--preset={name}: {self.name} has " + ", ".join(self.presets)
            )
        return self.with_flags(self.presets[name])

    def with_flags(self, values):
        """The method with some of its values replaced, checked.

        A new space brings its own values along.

        Args:
            values: {name of a flag: value}.

        Raises:
            UserError: for a value that is illegal, alone or with the others.

        Example: `methods.get("darts").with_flags({"epochs": 3})`.
        """
        method = dataclasses.replace(self, **values)
        check_values(method)  # includes the space's name
        if method.space != self.space:
            own = method.search_space.method_values(self)
            method = dataclasses.replace(self, **{**own, **values})
        method.check()
        return method

    def typed_over(self, values):
        """The method with the typed values; the others give way to them.

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
        tau = values.get("temperature", self.temperature)
        if self.temperature_min > tau:
            given["temperature_min"] = tau
        if len(values.get("cells", ())) == 1:
            given["operations_kept"] = given["later_partial_channels"] = ()
            given["skip_dropout"] = self.skip_dropout[:1]
            given["keep_alpha"] = False
        rule = values.get("derivation", self.derivation)
        if rule not in THRESHOLD_RULES:
            given["threshold"] = None
        if rule != "pdarts":
            given["skip_limit"] = None
        return self.with_flags({**given, **values})

    def check(self):
        """Raise a `UserError` that names the first illegal value."""
        check_values(self)
        for wrong, message in contradictions(self):
            if wrong:
                raise UserError(message)

    def candidates(self):
        """The candidates of every edge in the first stage.

        Example: with `attention="mixed_with_operation"` 13 names.
        """
        compete = ATTENTIONS[1:] if self.placement.compete else ()
        return (*self.operations, *compete)

    def stages(self):
        """The stages of the search, a tuple of `schedule.Stage`.

        Example: `len(methods.get("pdarts").stages())` is 3.
        """
        kept = (len(self.candidates()), *self.operations_kept)
        first, later = self.partial_channels, self.later_partial_channels
        parts = (first, *(later or [first] * len(self.operations_kept)))
        return tuple(
            Stage(cells, count, self.epochs, self.warmup_epochs, rate, part)
            for cells, count, rate, part in zip(
                self.cells, kept, self.skip_dropout, parts, strict=True
            )
        )

    def of_stage(self, stage):
        """The method with the values that a `Stage` has for its supernet."""
        parts = stage.partial_channels
        return dataclasses.replace(self, partial_channels=parts)
