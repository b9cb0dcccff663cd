"""Measures of a finished search's architecture weights."""

import numpy as np

from tfnas import derivation, spaces
from tfnas.methods.rules import THRESHOLD_RULES
from tfnas.report import findings
from tfnas.runs.contents import ALPHAS
from tfnas.runs.parsing import cell_kinds
from tfnas.runs.reading import read_run

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)


def lead(found):
    """The mean lead of the best operation over the second, in alpha itself.

    A share's scale depends on the relaxation: near alphas of 0 a lead of 1 is
    worth 0.25 in a sigmoid, 0.125 in a softmax over eight. `none` and edges
    without a choice do not count. None without alphas.
    """
    leads = [
        margin.margin
        for raw, operations in _last(found).values()
        for row, names in zip(raw, operations, strict=True)
        if (margin := findings.margin(row, names)).second
    ]
    return float(np.mean(leads)) if leads else None


def kept_by_threshold(found):
    """{threshold: number of operations that Fair DARTS's rule keeps}.

    None unless the weights are sigmoids in the space darts. An empty cell
    counts 0, though the search would fall back on another rule.
    """
    values = found.values
    cells = _last(found)
    if not cells or values["relaxation"] != "sigmoid":
        return None
    if not {*THRESHOLD_RULES} <= {*spaces.get(values["space"]).derivations}:
        return None
    rule = values["derivation"]
    if not rule.startswith("threshold"):
        rule = "threshold_node"
    counts = {}
    for threshold in THRESHOLDS:
        counts[threshold] = 0
        for raw, operations in cells.values():
            cell, fallback = derivation.derive(
                rule,
                findings.weights(raw, "sigmoid"),
                [tuple(map(str, names)) for names in operations],
                values["nodes"],
                threshold=threshold,
            )
            counts[threshold] += 0 if fallback else len(cell.edges)
    return counts


def _last(found):
    """{kind: (raw alphas, operations)} at the end of a search."""
    there = (found.folder / ALPHAS).exists()
    if "relaxation" not in found.values or not there:
        return {}
    stage = read_run(found.folder).stages[-1]
    return {
        kind: (stage[f"alphas_{kind}"][-1], stage[f"operations_{kind}"])
        for kind in cell_kinds(stage)
    }
