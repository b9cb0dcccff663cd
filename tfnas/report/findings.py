"""A run's findings in words and numbers: counts, collapse, margins."""

import dataclasses
from collections import Counter

import numpy as np

from tfnas import derivation
from tfnas.report import markup

CELL_NAMES = {
    "normal": "normal cell",
    "reduce": "reduction cell",
    "cell": "cell",
    "layers": "network",
}
# Singular, plural and the beginnings of the operations' names.
FAMILIES = (
    ("separable convolution", "separable convolutions", ("sep_conv",)),
    ("dilated convolution", "dilated convolutions", ("dil_conv",)),
    ("plain convolution", "plain convolutions", ("conv", "nor_conv")),
    ("inverted bottleneck", "inverted bottlenecks", ("mb_",)),
    ("skip", "skips", ("skip",)),
    ("pool", "pools", ("max_pool", "avg_pool")),
    ("zero", "zeros", ("none",)),
)


@dataclasses.dataclass(frozen=True)
class Margin:
    """How far the best operation of an edge leads.

    `none` does not count, as in the derivation of DARTS (section 3.4 of the
    survey): it takes a share of the weight but is never chosen.
    """

    best: str
    weight: float
    second: str | None
    margin: float


@dataclasses.dataclass(frozen=True)
class Change:
    """An epoch that changed the derived genotype."""

    stage: int
    epoch: int
    gone: tuple[str, ...]
    come: tuple[str, ...]


def operations(genotype):
    """Cell kind -> the operations that it keeps, in order."""
    kept = {
        kind: tuple(edge.op for edge in cell.edges)
        for kind, cell in genotype.cells.items()
    }
    if genotype.layers is not None:
        kept["layers"] = tuple(genotype.layers)
    return kept


def family(operation):
    """The operation's family in the singular, None for an unknown one."""
    for singular, _, beginnings in FAMILIES:
        if operation.startswith(beginnings):
            return singular
    return None


def in_words(kept):
    """Counts the operations by family."""
    counts = Counter(family(name) for name in kept)
    parts = [
        f"{counts[one]} {one if counts[one] == 1 else many}"
        for one, many, _ in FAMILIES
        if counts[one]
    ]
    if counts[None]:
        parts.append(f"{counts[None]} other")
    return ", ".join(parts) or "nothing"


def verdict(genotype):
    """One sentence on what each cell keeps."""
    clauses = [
        f"the {CELL_NAMES[kind]} keeps {in_words(kept)}"
        for kind, kept in operations(genotype).items()
    ]
    sentence = "; ".join(clauses) + "."
    return sentence[0].upper() + sentence[1:]


def collapsed(genotype):
    """Whether the normal cell has collapsed to operations without weights.

    It has if at least half of its edges are skips (the failure that P-DARTS and
    Fair DARTS address, survey sections 3.3 and 3.4) or if no edge convolves. A
    chain of layers never collapses: its skips choose the depth.
    """
    kept = operations(genotype)
    cell = kept.get("normal", kept.get("cell"))
    if cell is None:
        return False
    families = [family(name) for name in cell]
    return 2 * families.count("skip") >= len(cell) or all(
        name in ("skip", "pool", "zero") for name in families
    )


def weights(alphas, relaxation):
    """The mixing weights of raw alphas (survey section 3.2).

    Args:
        alphas: (..., operations) raw values.
        relaxation: its name; the weights are those without noise.

    Returns:
        Weights in 0..1 of the same shape.
    """
    return derivation.mixing_weights(relaxation, alphas)


def moved(raw, relaxation):
    """Whether a share of raw weights ever moved visibly in a table.

    Args:
        raw: (epochs + 1, ...), the first before any training.
        relaxation: as in `weights`.
    """
    shares = weights(raw, relaxation)
    return bool(np.nanmax(np.abs(shares - shares[0]), initial=0.0) >= 5e-4)


def margin(edge_weights, names):
    """Best against second-best operation of one edge, without `none`."""
    ranked = sorted(
        ((float(w), str(n)) for w, n in zip(edge_weights, names, strict=True)),
        key=lambda pair: (pair[1] == "none", -pair[0]),
    )
    best, *rest = ranked
    second = rest[0] if rest and rest[0][1] != "none" else None
    gap = best[0] - second[0] if second else best[0]
    return Margin(best[1], best[0], second and second[1], gap)


def edge_pairs(kind, count):
    """(from, to) of every edge of a complete cell, in the authors' order.

    Returns None if the rows are not a cell's edges (a chain of layers).
    """
    pairs = []
    # A DARTS cell has two inputs, a cell of NAS-Bench-201 one.
    node = 1 if kind == "cell" else 2
    while len(pairs) < count:
        pairs += [(source, node) for source in range(node)]
        node += 1
    return pairs if len(pairs) == count and kind != "layers" else None


def edge_names(kind, count):
    """A short name for each row of alpha, such as 0→2."""
    pairs = edge_pairs(kind, count)
    if pairs is None:
        return [f"layer {row}" for row in range(count)]
    return [f"{source}→{to}" for source, to in pairs]


def choices(genotype):
    """The genotype as a multiset of readable choices, for comparing."""
    found = Counter()
    for kind, cell in genotype.cells.items():
        for edge in cell.edges:
            attention = f" + {edge.attention}" if edge.attention else ""
            found[f"{kind} {edge.source}→{edge.to} {edge.op}{attention}"] += 1
    for row, name in enumerate(genotype.layers or ()):
        found[f"layer {row} {name}"] += 1
    return found


def distance(one, other):
    """The number of choices that only one of two genotypes has."""
    a, b = choices(one), choices(other)
    return max((a - b).total(), (b - a).total())


def changes(snapshots):
    """The epochs at which the derived genotype changed, oldest first."""
    found, previous = [], None
    for snapshot in snapshots:
        current = choices(snapshot.genotype)
        if previous is not None and current != previous:
            gone = tuple((previous - current).elements())
            come = tuple((current - previous).elements())
            found.append(Change(snapshot.stage, snapshot.epoch, gone, come))
        previous = current
    return found


def chosen(snapshots, provenance):
    """The epoch from which the search took its genotype.

    The provenance's "epoch" counts in the last stage; without it, the last.
    """
    last = snapshots[-1]
    wanted = (last.stage, provenance.get("epoch"))
    return next((s for s in snapshots if (s.stage, s.epoch) == wanted), last)


def by_removals(genotype):
    """Whether removals from the supernet chose its operations (DARTS-PT)."""
    return genotype.provenance.get("derivation") == "perturbation"


def stable_epochs(snapshots):
    """For how many epochs, including the last, the genotype did not change."""
    last = choices(snapshots[-1].genotype)
    for back, snapshot in enumerate(reversed(snapshots)):
        if choices(snapshot.genotype) != last:
            return back
    return len(snapshots)


def budget(run):
    """The outcome of `--budget_macs`, in words; "" without a budget.

    If the budget is exceeded, it begins with "Over budget".
    """
    allowed = 1e6 * run.config["method"].get("budget_macs", 0)
    if not allowed:
        return ""
    counted = run.summary["network"]["multiply_adds"]
    found, limit = markup.count(counted), markup.count(allowed)
    if counted <= allowed:
        return (
            f"Within budget: the derived network has {found} multiply-adds, "
            f"{limit} are allowed."
        )
    return (
        f"Over budget: the derived network has {found} multiply-adds, "
        f"{100 * (counted / allowed - 1):.2g} % more than the {limit} that "
        "--budget_macs allows; raise --budget_weight or search for more epochs."
    )
