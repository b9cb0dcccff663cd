"""Choices that exclude each other, and the remedy."""

THRESHOLD_RULES = ("threshold_node", "threshold_edge")
# Relaxations with a temperature.
TEMPERED = ("gumbel", "gumbel_hard")
# What a method may ask for that not every space has.
_ABILITIES = ("stem", "skip_limit", "attention", "partial_channels")
_ABILITIES += ("edge_normalization", "auxiliary_skip", "budget_macs")
_ABILITIES += ("operations_kept", "stop_skips", "skip_dropout")
_ABILITIES += ("later_partial_channels", "keep_alpha")


def contradictions(method):
    """Yields (broken, message) of each rule that a method's values can break.

    The message is one line that names both flags.
    """
    yield from _values(method)
    yield from _space(method)
    yield from _channels(method)
    yield from _relaxation(method)
    yield from _stages(method)
    yield from _derivation(method)


def unused(method):
    """Yields the flags that nothing would read next to a method's other values.

    They are (flags, unused, why), as `command.refuse_unused` takes them.
    """
    space = method.search_space
    for flag, why in space.lacks.items():
        yield (flag,), True, f"--space={space.name} {why}"
    yield (
        ("derivation",),
        method.derivation in space.passed_over,
        f"--space={space.name} takes the strongest operation of each layer",
    )
    yield (
        ("skip_dropout", "stop_skips", "skip_limit"),
        "skip_connect" not in method.candidates(),
        "--operations has no skip_connect",
    )
    yield (
        ("temperature", "temperature_min"),
        method.relaxation not in TEMPERED,
        f"--relaxation={method.relaxation} has no temperature",
    )
    yield (
        ("later_partial_channels", "keep_alpha"),
        len(method.cells) == 1,
        f"--cells={_shown(method.cells)} is one stage",
    )
    yield (
        ("second_order",),
        method.order == 1,
        "--order=1 makes no second-order step",
    )
    yield (
        ("zero_one_norm",),
        method.zero_one_weight == 0,
        "--zero_one_weight=0 leaves that loss out",
    )
    yield (
        ("perturbation_epochs",),
        method.derivation != "perturbation",
        f"--derivation={method.derivation} removes nothing",
    )
    yield (
        ("budget_weight",),
        method.budget_macs == 0,
        "--budget_macs=0 leaves that loss out",
    )


def _values(method):
    yield (
        len(set(method.operations)) < len(method.operations),
        "--operations: names an operation twice; name each once",
    )
    yield (
        set(method.operations) == {"none"},
        "--operations=none: add one that does something",
    )
    for flag in ("momentum", "alpha_beta_1"):
        value = getattr(method, flag)
        yield value >= 1, f"--{flag}={value}: use 0 to below 1"
    yield (
        method.learning_rate_min > method.learning_rate,
        f"--learning_rate_min={method.learning_rate_min}: is above "
        f"--learning_rate={method.learning_rate}; lower it",
    )
    yield method.gradient_clip == 0, "--gradient_clip=0: use more than 0"


def _space(method):
    space = method.search_space
    for flag in _ABILITIES:
        value = getattr(method, flag)
        asked = value != getattr(type(method), flag)  # not the default
        yield (
            asked and flag in space.lacks,
            f"--{flag}={_shown(value)}: --space={space.name} "
            f"{space.lacks.get(flag)}; drop --{flag} or use --space=darts",
        )
    unknown = [op for op in method.operations if op not in space.candidates]
    yield (
        space.candidates and unknown,
        f"--operations: --space={space.name} has no {', '.join(unknown)}; "
        f"choose from {', '.join(space.candidates)}",
    )
    yield (
        space.nodes not in (None, method.nodes),
        f"--nodes={method.nodes}: cells of --space={space.name} have "
        f"{space.nodes}",
    )
    yield (
        any(cells % space.stacks for cells in method.cells),
        f"--cells={_shown(method.cells)}: --space={space.name} has "
        f"{space.stacks} equal stacks; use multiples of {space.stacks}",
    )
    yield (
        method.derivation not in space.derivations + space.passed_over,
        f"--derivation={method.derivation}: is not for --space={space.name}, "
        f"which takes {' or '.join(space.derivations)}",
    )


def _channels(method):
    yield (
        method.stem == "imagenet" and method.channels % 2 != 0,
        f"--channels={method.channels}: --stem=imagenet starts with half as "
        "many; use an even number",
    )
    first, later = method.partial_channels, method.later_partial_channels
    yield (
        method.channels % first != 0,
        f"--partial_channels={first}: does not divide "
        f"--channels={method.channels}",
    )
    yield (
        any(method.channels % parts != 0 for parts in later),
        f"--later_partial_channels={_shown(later)}: does not divide "
        f"--channels={method.channels}",
    )
    attends = method.attention in ("mixed_with_operation", "double_mixed")
    for flag, parts in (
        ("partial_channels", (first,)),
        ("later_partial_channels", later),
    ):
        yield (
            attends and max(parts, default=1) > 1,
            f"--attention={method.attention}: attends to all channels, but "
            f"--{flag}={_shown(parts)} mixes a part; use "
            "--attention=after_every",
        )


def _relaxation(method):
    name = method.relaxation
    yield (
        name != "sigmoid" and method.zero_one_weight > 0,
        f"--zero_one_weight={method.zero_one_weight}: a loss on sigmoids, but "
        f"--relaxation={name}; use --relaxation=sigmoid",
    )
    yield (
        name not in ("softmax", *TEMPERED) and method.beta_decay > 0,
        f"--beta_decay={method.beta_decay}: a loss on softmax rows, but "
        f"--relaxation={name}; use --relaxation=softmax",
    )
    yield (
        name != "dirichlet" and method.dirichlet_kl > 0,
        f"--dirichlet_kl={method.dirichlet_kl}: a loss on Dirichlet "
        f"distributions, but --relaxation={name}; use --relaxation=dirichlet",
    )
    yield (
        name != "sigmoid" and method.derivation in THRESHOLD_RULES,
        f"--derivation={method.derivation}: compares sigmoids with a threshold "
        f"but --relaxation={name}; use --relaxation=sigmoid",
    )
    yield (
        name == "gumbel_hard" and method.smoothing > 0,
        f"--smoothing={method.smoothing}: perturbs a mixture, but "
        "--relaxation=gumbel_hard takes one operation; use "
        "--relaxation=gumbel",
    )
    for flag in ("temperature", "temperature_min"):
        yield getattr(method, flag) == 0, f"--{flag}=0: use more than 0"
    yield (
        method.temperature_min > method.temperature,
        f"--temperature_min={method.temperature_min}: is above "
        f"--temperature={method.temperature}; lower it",
    )


def _stages(method):
    stages = len(method.cells)
    yield (
        len(method.operations_kept) != stages - 1,
        f"--operations_kept={_shown(method.operations_kept)}: --cells="
        f"{_shown(method.cells)} is {stages} stages; give {stages - 1} numbers",
    )
    later = method.later_partial_channels
    yield (
        len(later) not in (0, stages - 1),
        f"--later_partial_channels={_shown(later)}: --cells="
        f"{_shown(method.cells)} is {stages} stages; give {stages - 1} numbers",
    )
    yield (
        len(method.skip_dropout) != stages,
        f"--skip_dropout={_shown(method.skip_dropout)}: --cells="
        f"{_shown(method.cells)} is {stages} stages; give {stages} numbers",
    )
    yield (
        any(rate >= 1 for rate in method.skip_dropout),
        f"--skip_dropout={_shown(method.skip_dropout)}: use rates below 1",
    )
    counts = (len(method.candidates()), *method.operations_kept)
    yield (
        any(a < b for a, b in zip(counts, counts[1:], strict=False)),
        f"--operations_kept={_shown(method.operations_kept)}: a stage cannot "
        f"keep more than the one before; --operations gives {counts[0]}",
    )
    yield (
        method.warmup_epochs >= method.epochs,
        f"--warmup_epochs={method.warmup_epochs}: leaves alpha no epoch of "
        f"--epochs={method.epochs}",
    )


def _derivation(method):
    by_threshold = method.derivation in THRESHOLD_RULES
    yield (
        by_threshold and method.threshold is None,
        f"--derivation={method.derivation}: needs --threshold",
    )
    yield (
        method.threshold is not None and not by_threshold,
        f"--threshold={method.threshold}: --derivation={method.derivation} has "
        "none; use --derivation=threshold_node",
    )
    yield (
        method.skip_limit is not None and method.derivation != "pdarts",
        f"--skip_limit={method.skip_limit}: --derivation={method.derivation} "
        "has none; use --derivation=pdarts",
    )
    yield (
        method.budget_macs > 0 and method.derivation == "perturbation",
        f"--budget_macs={method.budget_macs}: bounds what alpha derives, but "
        "--derivation=perturbation decides without alpha; drop one of them",
    )


def _shown(value):
    return ",".join(map(str, value)) if isinstance(value, tuple) else value
