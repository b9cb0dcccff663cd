"""The architecture weights: their final values and their course."""

import numpy as np

from tfnas.genotype import ATTENTIONS
from tfnas.report import colours, figures, findings, markup
from tfnas.report.markup import Raw, escape
from tfnas.runs.parsing import cell_kinds

# What gives an edge's weights without noise, in a caption; else a softmax.
FUNCTIONS = {"sigmoid": "sigmoid", "dirichlet": "mean"}


def overview(run):
    """For each cell, the leading operation of each edge, over the whole run."""
    if len(run.history["epoch"]) == 1:
        return Raw("")
    charts = [
        _leaders(run, kind)
        for kind in cell_kinds(run.stages[-1])
        if all(f"alphas_{kind}" in stage for stage in run.stages)
        and any(_has_moved(run, stage, kind) for stage in run.stages)
    ]
    return Raw(f'<div class="pair">{"".join(charts)}</div>')


def have_moved(run):
    """Whether any operation's share has moved in any stage."""
    return any(
        _has_moved(run, stage, kind)
        for stage in run.stages
        for kind in cell_kinds(stage)
    )


def _has_moved(run, stage, kind):
    return findings.moved(stage[f"alphas_{kind}"], _relaxation(run))


def _still(title, what):
    """The sentence that replaces a table without changes."""
    return Raw(f'<p class="note">{escape(title)}: {what} did not move.</p>')


def stage(run, number):
    """One stage: tables of the final weights and a panel for each edge."""
    arrays = run.stages[number]
    return Raw(
        "".join(
            _cell(run, number, kind) + _extras(arrays, kind)
            for kind in cell_kinds(arrays)
        )
    )


def _relaxation(run):
    return str(run.config["method"]["relaxation"])


def _leaders(run, kind):
    relaxation = _relaxation(run)
    edges = run.stages[0][f"alphas_{kind}"].shape[1]
    leads = [[] for _ in range(edges)]
    ends = []
    for arrays in run.stages:
        weights = findings.weights(arrays[f"alphas_{kind}"], relaxation)
        names = arrays[f"operations_{kind}"]
        for edge in range(edges):
            # The values before the first epoch are noise, not a choice.
            leads[edge] += [
                findings.margin(row, names[edge]).best
                for row in weights[1:, edge]
            ]
        ends.append(len(leads[0]))
    rows = findings.edge_names(kind, edges)
    used = _in_order(name for lead in leads for name in lead)
    name = findings.CELL_NAMES.get(kind, kind).capitalize()
    svg = figures.leaders(
        f"{name}: the leading operation of each edge over the epochs",
        rows,
        [runs_of(lead) for lead in leads],
        ends[:-1],
    )
    note = markup.blocks({name: colours.of(name) for name in used})
    return markup.figure(svg, f"{name}: leading operation", note)


def _in_order(names):
    """Each name once; in later stages edges keep different ones."""
    used = dict.fromkeys(str(name) for name in names)
    known = [name for name in colours.OPERATIONS if name in used]
    return known + [name for name in used if name not in known]


def runs_of(names):
    """Run lengths: (first epoch, counted from 1, epochs, name)."""
    runs = []
    for epoch, name in enumerate(names, 1):
        if runs and runs[-1][2] == name:
            start, length, _ = runs[-1]
            runs[-1] = (start, length + 1, name)
        else:
            runs.append((epoch, 1, name))
    return runs


def _cell(run, number, kind):
    arrays = run.stages[number]
    relaxation = _relaxation(run)
    weights = findings.weights(arrays[f"alphas_{kind}"], relaxation)
    names = arrays[f"operations_{kind}"]
    last = number == len(run.stages) - 1
    kept = _kept(run, kind) if last else set()
    title = findings.CELL_NAMES.get(kind, kind).capitalize()
    if not _has_moved(run, arrays, kind):
        return _still(title, "alpha")
    function = FUNCTIONS.get(relaxation, "softmax")
    # One epoch has no course.
    panels = (
        _panels(title, kind, weights, names, kept) if len(weights) > 2 else ""
    )
    return (
        f"<h3>{escape(title)}</h3>"
        + _final_table(
            f"{title}: {function} weights after the last epoch",
            kind,
            weights[-1],
            names,
            kept,
        )
        + panels
    )


def _kept(run, kind):
    """The (edge, operation) pairs in the final genotype's cell."""
    if kind == "layers":
        layers = run.genotype.layers or ()
        return {(f"layer {row}", name) for row, name in enumerate(layers)}
    cell = run.genotype.cells.get(kind)
    edges = cell.edges if cell else ()
    return {(f"{edge.source}→{edge.to}", edge.op) for edge in edges}


def _final_table(caption, kind, weights, names, kept):
    columns = _in_order(names.flat)
    top = np.nanmax(weights, initial=1e-9)
    rows = []
    labels = findings.edge_names(kind, len(weights))
    for edge, row, row_names in zip(labels, weights, names, strict=True):
        by_name = dict(zip(map(str, row_names), row, strict=True))
        lead = findings.margin(row, row_names)
        cells = [
            _heat(by_name.get(name), top, (edge, name) in kept)
            for name in columns
        ]
        best = ('class="words"', lead.best)
        numbers = (f"{lead.weight:.3f}", f"{lead.margin:.3f}")
        rows.append([edge, *cells, best, *numbers])
    head = [
        "Edge",
        *map(_breakable, columns),
        ('class="words"', "Best"),
        "Weight",
        "Margin",
    ]
    return markup.table(caption, head, rows, "heat")


def _breakable(name):
    """The name, breakable after an underscore in a narrow column."""
    return Raw(escape(name).replace("_", "_<wbr>"))


def _heat(value, top, chosen=False):
    if value is None:
        return 'class="w" style="--w:0"', "·"
    if not np.isfinite(value):
        return 'class="w" style="--w:0"', "–"
    share = max(float(value) / top, 0.0)
    mark = " chosen" if chosen else ""
    style = f'class="w{mark}" style="--w:{share:.2f}"'
    return style, f"{value:.3f}"


def _panels(title, kind, weights, names, kept):
    edges = weights.shape[1]
    labels = findings.edge_names(kind, edges)
    pairs = findings.edge_pairs(kind, edges)
    low, high = float(np.nanmin(weights)), float(np.nanmax(weights))
    margin = max(0.05 * (high - low), 1e-3)  # a short search barely moves them
    panels = []
    for edge, label in enumerate(labels):
        lead = findings.margin(weights[-1, edge], names[edge])
        svg = figures.edge_weights(
            f"{title}, {label}: weights over the epochs; at the end "
            f"{lead.best} leads with {lead.weight:.3f}",
            weights[:, edge],
            names[edge],
            lead.best,
            (low - margin, high + margin),
        )
        mark = ' class="kept"' if any(e == label for e, _ in kept) else ""
        row, column = _place(pairs, edge)
        panels.append(
            f'<figure{mark} style="--row:{row};--column:{column}"><figcaption>'
            f"<b>{escape(label)}</b> {escape(lead.best)}</figcaption>"
            f"{svg}</figure>"
        )
    key = markup.legend({n: colours.of(n) for n in _in_order(names.flat)})
    columns = max(source for source, _ in pairs) + 1 if pairs else 5
    shape = "edges" if pairs and columns > 3 else "edges plain"
    return (
        f'<div class="{shape}" style="--columns:{columns}">'
        f"{key}{''.join(panels)}</div>"
    )


def _place(pairs, edge):
    """Row and column: a node's edges are in a row, a source's in a column."""
    if pairs is None:
        return edge // 5 + 2, edge % 5 + 1
    source, to = pairs[edge]
    offset = 1 if len(pairs) > 9 else 2
    return to - pairs[0][1] + offset, source + 1


def _extras(arrays, kind):
    """Attention, edge and cell-end weights, if the method has them."""
    parts = []
    edges = arrays[f"alphas_{kind}"].shape[1]
    labels = findings.edge_names(kind, edges)
    title = findings.CELL_NAMES.get(kind, kind).capitalize()
    if (betas := arrays.get(f"betas_{kind}")) is not None:
        caption = f"{title}: attention, softmax weights after the last epoch"
        parts.append(_attentions(title, caption, "Edge", labels, betas))
    if (gammas := arrays.get(f"gammas_{kind}")) is not None:
        caption = f"{title}: attention at its end, softmax weights"
        rows = gammas[:, None]
        parts.append(_attentions(title, caption, "", ["end"], rows))
    if (strengths := arrays.get(f"edges_{kind}")) is not None:
        caption = f"{title}: edge weights, a softmax over each node's inputs"
        if findings.moved(strengths, "softmax"):
            parts.append(_edge_normalisation(caption, kind, strengths[-1]))
        else:
            parts.append(_still(title, "the edges' weights"))
    return "".join(parts)


def _attentions(title, caption, corner, labels, raw):
    """A table of attentions, from their raw weights (epochs + 1, rows, 6)."""
    if not findings.moved(raw, "softmax"):
        return _still(title, "attention")
    weights = findings.weights(raw[-1], "softmax")
    return _plain(caption, corner, labels, ATTENTIONS, weights)


def _plain(caption, corner, labels, columns, weights):
    top = np.nanmax(weights, initial=1e-9)
    rows = [
        [label, *(_heat(value, top) for value in row)]
        for label, row in zip(labels, weights, strict=True)
    ]
    return markup.table(
        caption, [corner, *map(_breakable, columns)], rows, "heat"
    )


def _edge_normalisation(caption, kind, raw):
    """A row for each node, a column for each of its sources."""
    pairs = findings.edge_pairs(kind, len(raw)) or []
    nodes = sorted({to for _, to in pairs})
    sources = sorted({source for source, _ in pairs})
    rows = []
    for node in nodes:
        values = raw[[i for i, (_, to) in enumerate(pairs) if to == node]]
        weights = list(findings.weights(values, "softmax"))
        absent = [None] * (len(sources) - len(weights))
        rows.append(
            [f"into {node}", *(_heat(w, 1.0) for w in weights + absent)]
        )
    head = ["Node", *(f"from {source}" for source in sources)]
    return markup.table(caption, head, rows, "heat")
