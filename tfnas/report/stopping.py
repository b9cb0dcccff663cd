"""When the search should have stopped: its best epoch and its last."""

import numpy as np

from tfnas.report import findings, markup
from tfnas.report.interval import wilson
from tfnas.report.markup import Raw
from tfnas.runs import selection
from tfnas.runs.parsing import cell_kinds

# As `tfnas.networks.proxy` takes them.
MOST_IMAGES = 512


def best_row(run):
    """The row of the last stage's best epoch by the proxy, or None."""
    rows, start = _last_stage(run)
    epoch = selection.best_proxy(rows)
    epochs = [row["epoch"] for row in rows]
    return None if epoch is None else start + epochs.index(epoch)


def table(run):
    """The epochs that a rule may take: accuracies, skips, margins.

    Empty for a run without a proxy, or if removals chose the cell, after the
    last epoch.
    """
    best, last = best_row(run), len(run.history["epoch"]) - 1
    if best is None or findings.by_removals(run.genotype):
        return Raw("")
    rule, epoch = (run.genotype.provenance.get(k) for k in ("select", "epoch"))
    marked = {best: ["best by the proxy"]}
    marked.setdefault(last, []).append("last")
    taken = last if epoch is None else _row_of(run, epoch)
    marked.setdefault(taken, []).append("taken")
    rows = [
        (
            f"{run.history['epoch'][row]:.0f}: {', '.join(names)}",
            *_cells(run, row),
        )
        for row, names in sorted(marked.items())
    ]
    head = ["Epoch", "Derived cell", "Supernet", "Skips"]
    head += [f"Margins, {_name(kind)}" for kind in cell_kinds(run.stages[-1])]
    if np.isfinite(run.history["eigenvalue"]).any():
        head.append("Eigenvalue")
        rows = [
            (*cells, _number(run.history["eigenvalue"][row], ".3g"))
            for cells, row in zip(rows, sorted(marked), strict=True)
        ]
    return Raw(
        "<h3>When to stop</h3><p>A derived cell's proxy is the accuracy of "
        "the supernet pruned to it, on up to 512 images of the validation "
        f"half. {_advice(run, rule, best, taken)} Margins are the leads of "
        "the best operations: their mean and the smallest.</p>"
    ) + markup.table("The epochs that a rule may take", head, rows)


def _advice(run, rule, best, taken):
    took = f"The cell is from <code>--select={markup.escape(rule)}</code>."
    said = [took] if rule else []
    if noise := _noise(run, best):
        said.append(noise)
    elif best != taken:
        proxy = run.history["proxy_accuracy"]
        gap = 100 * (proxy[best] - proxy[taken])
        more = "" if np.isnan(gap) else f", {gap:.1f} points more"
        said.append(
            "<code>--select=best_proxy</code> takes that "
            f"of epoch {run.history['epoch'][best]:.0f}{more}."
        )
    return Raw(" ".join(said))


def _noise(run, best):
    """Why the proxy ranks no epochs, in words; "" if it can.

    It cannot if its best accuracy is not above that of always predicting the
    most frequent class, by Wilson's interval.
    """
    share = run.history["proxy_accuracy"][best]
    images, majority, assumed = _proxy_images(run)
    low, high = wilson(share * images, images)
    if low > majority:
        return ""
    ends = f"{markup.percent(low)} to {markup.percent(high)} at 95 %"
    return (
        f"The proxy advises no epoch: its best, {markup.percent(share)} of "
        f"{images} images ({ends}), is not above the "
        f"{markup.percent(majority)} of always predicting the most frequent "
        f"class{assumed}."
    )


def _proxy_images(run):
    """The number of the proxy's images, and the majority class's share.

    For runs that did not record them, the most images and classes of equal
    size; the third value says so.
    """
    noted, data = run.summary.get("proxy"), run.config["data"]
    if noted:
        return noted["images"], noted["majority_share"], ""
    equal = 1 / max(len(data["classes"]), 1)
    images = max(min(MOST_IMAGES, data["valid"]), 1)
    return images, equal, " if all classes are equally frequent"


def _cells(run, row):
    history = run.history
    skips = [history[f"skips_{kind}"][row] for kind in ("normal", "reduce")]
    known = [f"{count:.0f}" for count in skips if np.isfinite(count)]
    return (
        markup.percent(history["proxy_accuracy"][row]),
        markup.percent(history["valid_accuracy"][row]),
        " + ".join(known) or "–",
        *(
            _margins(run, kind, int(history["epoch"][row]))
            for kind in cell_kinds(run.stages[-1])
        ),
    )


def _margins(run, kind, epoch):
    """Mean and smallest lead of a cell's edges after an epoch."""
    arrays = run.stages[-1]
    raw, names = arrays[f"alphas_{kind}"], arrays[f"operations_{kind}"]
    if epoch >= len(raw):
        return "–"
    weights = findings.weights(raw[epoch], run.config["method"]["relaxation"])
    leads = [
        findings.margin(*edge).margin
        for edge in zip(weights, names, strict=True)
    ]
    return f"{np.mean(leads):.3f}, {min(leads):.3f}"


def _last_stage(run):
    """The last stage's rows as the rules read them, and their start."""
    stages = run.history["stage"]
    start = int(np.argmax(stages == stages[-1]))
    columns = ("epoch", "proxy_accuracy")
    rows = [
        {
            name: None if np.isnan(value) else float(value)
            for name in columns
            for value in [run.history[name][row]]
        }
        for row in range(start, len(stages))
    ]
    return rows, start


def _row_of(run, epoch):
    """The row of an epoch of the last stage, or the last row."""
    rows, start = _last_stage(run)
    found = [i for i, row in enumerate(rows) if row["epoch"] == epoch]
    return start + (found[0] if found else len(rows) - 1)


def _name(kind):
    return findings.CELL_NAMES.get(kind, kind)


def _number(value, form):
    return format(value, form) if np.isfinite(value) else "–"
