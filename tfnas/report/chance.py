"""Whether the search decided, or its noise.

A choice counts as decided by chance if, over all edges,

- the best candidate leads the second by less than `LEAD` in shares (the
  median; shares as the mixture has them without noise), or
- alpha has moved by less than `TIMES` its initial deviation, or `LEAST` if that
  is larger. Both are root mean squares over all edges and candidates, without
  the constant of each edge, to which a softmax is blind.

Candidates that the derivation never keeps (`none`, except in NAS-Bench-201) and
edges without a choice do not count. Edge weights (PC-DARTS) change no lead
within an edge.
"""

import dataclasses

import numpy as np

from tfnas.report import findings
from tfnas.runs.parsing import cell_kinds
from tfnas.spaces.attention import PLACEMENTS

LEAD = 0.01
TIMES = 3
LEAST = 1e-3


@dataclasses.dataclass(frozen=True)
class Evidence:
    """How far a choice is from noise.

    Attributes:
        lead: of the best candidate over the second, in shares; the median.
        moved: how far the raw weights have moved since the stage began.
        enough: how far they must move.
    """

    lead: float
    moved: float
    enough: float


def verdict(run):
    """Why chance decided the operations, in words; "" if it did not.

    It is also "" if alpha did not decide them but removals did.

    The lead is the last stage's, at the genotype's epoch. Alpha must move in
    every stage, as it decides what the next one keeps.
    """
    if findings.by_removals(run.genotype):
        return ""
    last = len(run.stages) - 1
    reasons = []
    for number, stage in enumerate(run.stages):
        epoch = _taken(run) if number == last else -1
        found = operations(stage, _relaxation(run), epoch)
        if found is None:
            continue
        where = f"in stage {number + 1} " if last else ""
        if number == last and found.lead < LEAD:
            reasons.append(_short_lead(found, "operation of an edge"))
        if found.moved < found.enough:
            reasons.append(where + _short_way(found))
    if not reasons:
        return ""
    return (
        f"The operations were decided by chance: {'; '.join(reasons)}. "
        "Another seed may find others; search for more epochs or with a "
        "higher --alpha_learning_rate."
    )


def attention_verdict(run):
    """The same for attentions; "" also if none were searched."""
    found = attentions(
        run.stages[-1],
        run.config["method"].get("attention", "none"),
        _taken(run),
    )
    if found is None:
        return ""
    reasons = []
    if found.lead < LEAD:
        reasons.append(_short_lead(found, "attention"))
    if found.moved < found.enough:
        reasons.append(_short_way(found))
    if not reasons:
        return ""
    return f"The attentions were decided by chance: {'; '.join(reasons)}."


def operations(stage, relaxation, epoch=-1):
    """The evidence for a stage's operations; None if no edge has a choice.

    It is judged after `epoch`; -1 is the last.
    """

    def edges():
        for kind in cell_kinds(stage):
            raw, names = stage[f"alphas_{kind}"], stage[f"operations_{kind}"]
            # Only NAS-Bench-201's rule may keep `none`.
            possible = (names != "none") | (kind == "cell")
            yield from zip(raw[0], _after(raw, epoch), possible, strict=True)

    return _evidence(edges(), relaxation)


def attentions(stage, placement, epoch=-1):
    """The evidence for attentions of edges and cell ends; None without any.

    `placement` is `Method.attention`; `epoch` is as in `operations`.
    """
    places = PLACEMENTS.get(placement, PLACEMENTS["none"])
    second, end = np.array(places.second), np.array(places.end)

    def rows():
        for name, raw in stage.items():
            if name.startswith("betas_") and second.size:
                for pair in zip(raw[0], _after(raw, epoch), strict=True):
                    yield *pair, second != "none"
            elif name.startswith("gammas_") and end.size:
                yield raw[0], _after(raw, epoch), end != "none"

    return _evidence(rows(), "softmax")


def _evidence(rows, relaxation):
    """The evidence from (first raw weights, current ones, which to keep)."""
    leads, starts, ways = [], [], []
    for first, now, possible in rows:
        if possible.sum() < 2:
            continue
        second, best = np.sort(findings.weights(now, relaxation)[possible])[-2:]
        leads.append(best - second)
        starts.append(_seen(first[possible], relaxation))
        ways.append(_seen((now - first)[possible], relaxation))
    if not leads:
        return None
    return Evidence(
        lead=float(np.median(leads)),
        moved=_root_mean_square(ways),
        enough=TIMES * max(_root_mean_square(starts), LEAST),
    )


def _seen(values, relaxation):
    blind = relaxation not in ("sigmoid", "dirichlet")
    return values - values.mean() if blind else values


def _root_mean_square(parts):
    return float(np.sqrt(np.mean(np.square(np.concatenate(parts)))))


def _taken(run):
    """The epoch of the last stage that gave the genotype."""
    return findings.chosen(run.snapshots, run.genotype.provenance).epoch


def _after(raw, epoch):
    """The row after an epoch, or the last one if the file ends earlier."""
    return raw[epoch] if epoch < len(raw) else raw[-1]


def _relaxation(run):
    return str(run.config["method"]["relaxation"])


def _short_lead(found, what):
    return (
        f"the best {what} leads by {found.lead:.2g} in share (median), "
        f"less than {LEAD}"
    )


def _short_way(found):
    return (
        f"alpha has moved by {found.moved:.2g}, less than {found.enough:.2g}, "
        f"{TIMES} times its initial deviation"
    )
