"""The first screen: the run's result, and the next step."""

import numpy as np

from tfnas.genotype import drawing
from tfnas.report import chance, figures, findings, markup, perturbation
from tfnas.report.markup import Raw, escape

METHODS = {
    "darts": "DARTS",
    "pdarts": "P-DARTS",
    "fair_darts": "Fair DARTS",
    "att_darts": "Att-DARTS",
    "pc_darts": "PC-DARTS",
    "gdas": "GDAS",
    "drnas": "DrNAS",
}


def title(run):
    """The run in brief: method, data set and seed."""
    flags = run.config["config"]
    method = METHODS.get(flags["method"], flags["method"])
    attends = run.config["method"].get("attention", "none") != "none"
    if attends and flags["method"] != "att_darts":
        method += " with attention"
    return f"{method} on {run.config['data']['name']}, seed {flags['seed']}"


def header(run):
    """Title, verdict, warning, key figures and the next command."""
    return Raw(
        '<p class="kicker">Architecture search</p>'
        f"<h1>{escape(title(run))}</h1>"
        f'<p class="verdict">{escape(findings.verdict(run.genotype))}</p>'
        + warning(run)
        + fallbacks(run)
        + settled(run)
        + cost(run)
        + key_figures(run)
        + "<h3>Go on from here</h3>"
        f"<pre><code>{escape(run.summary['next_command'])}</code></pre>"
    )


def fallbacks(run):
    """Derivations that found nothing to keep, and what they did instead."""
    lines = [
        f"<p><strong>{escape(name.removeprefix('fallback_').capitalize())}: "
        f"not derived as requested.</strong> {escape(text)}.</p>"
        for name, text in run.genotype.provenance.items()
        if name.startswith("fallback_")
    ]
    if not lines:
        return Raw("")
    return Raw(
        f'<div class="warning" role="note">{"".join(lines)}'
        "<p>More epochs, or a lower <code>--threshold</code>, let operations "
        "reach it.</p></div>"
    )


def settled(run):
    """Whether chance decided; if not, how stable the genotype was."""
    attentions = chance.attention_verdict(run)
    if by_chance := chance.verdict(run):
        return _note(
            " ".join(filter(None, (by_chance, attentions, taken(run))))
        )
    words = " ".join(filter(None, (confidence(run), taken(run))))
    stability = Raw(f"<p>{escape(words)}</p>")
    return Raw(stability + _note(attentions)) if attentions else stability


def cost(run):
    """The derived network and its budget; empty without one."""
    text = findings.budget(run)
    if text.startswith("Over"):
        return _note(text)
    return Raw(f"<p>{escape(text)}</p>" if text else "")


def _note(text):
    return Raw(f'<div class="warning" role="note"><p>{escape(text)}</p></div>')


def warning(run):
    """The remedy for a collapsed cell; empty if it is sound.

    Also empty if chance decided: a random cell has not collapsed.
    """
    if not findings.collapsed(run.genotype) or chance.verdict(run):
        return Raw("")
    kept = findings.operations(run.genotype)
    cell = kept.get("normal", kept.get("cell", ()))
    skips = sum(findings.family(name) == "skip" for name in cell)
    method, seed = (run.config["config"][f] for f in ("method", "seed"))
    others = [m for m in ("pdarts", "fair_darts") if m != method]
    methods = " or ".join(f"<code>--method={m}</code>" for m in others)
    other_seed = seed + 1 if isinstance(seed, int) else 1
    return Raw(
        '<div class="warning" role="note"><p><strong>The cell has collapsed.'
        f"</strong> {skips} of its {markup.plural(len(cell), 'edge')} "
        f"{'is a skip' if skips == 1 else 'are skips'}, and "
        "a network of operations without weights learns little, however well "
        "the supernet did.</p>"
        "<p>Try another seed "
        f"(<code>--seed={other_seed}</code>), more epochs, or a method "
        f"that limits skips ({methods}); compare the retrained accuracies "
        "before trusting this cell.</p></div>"
    )


def confidence(run):
    """How settled the genotype is."""
    if findings.by_removals(run.genotype):
        return perturbation.in_short(run)
    total = len(run.snapshots)
    stable = findings.stable_epochs(run.snapshots)
    if total == 1:
        return "The search had one epoch, which says nothing about stability."
    if stable == total:
        return f"The genotype was the same after all {total} epochs."
    if stable == 1:
        return "The genotype still changed in the last epoch."
    return (
        f"The genotype has not changed for the last {stable} of {total} epochs."
    )


def taken(run):
    """The epoch of the cell; empty for the last one."""
    last, text = run.snapshots[-1], []
    chosen = findings.chosen(run.snapshots, run.genotype.provenance)
    if chosen is not last:
        apart = findings.distance(chosen.genotype, last.genotype)
        text.append(
            f"The cell is epoch {chosen.epoch}'s; the last epoch's differs "
            f"from it in {markup.plural(apart, 'choice')}."
        )
    moved = findings.distance(chosen.genotype, run.genotype)
    if moved:
        text.append(
            f"The final derivation replaced {markup.plural(moved, 'choice')} "
            f"of epoch {chosen.epoch}'s."
        )
    return " ".join(text)


def key_figures(run):
    """The key numbers."""
    summary, network = run.summary, run.summary["network"]
    seconds = np.nanmean(run.history["seconds"])
    valid = run.history["valid_accuracy"]
    size = f"{network['channels']} channels, {network['cells']} cells"
    entries = [
        ("Parameters", markup.count(network["parameters"]), size),
        ("Multiply-adds", markup.count(network["multiply_adds"]), "per image"),
        ("Validation accuracy", markup.percent(valid[-1]), _beside(summary)),
        (
            "Search time",
            markup.duration(summary["seconds"]),
            f"{seconds:.1f} s per epoch",
        ),
        (
            "Peak memory",
            f"{markup.count(summary['peak_memory_mb'] * 1e6, unit='B')}",
            "of the process",
        ),
    ]
    if not (chance.verdict(run) or findings.by_removals(run.genotype)):
        epochs = markup.plural(findings.stable_epochs(run.snapshots), "epoch")
        note = f"of {len(run.snapshots)}"
        entries.append(("Genotype stable for", epochs, note))
    return markup.key_figures(entries)


def _beside(summary):
    """A yardstick for the supernet's accuracy, if it is known."""
    share = summary.get("majority_share")
    if share is None:
        return "of the supernet"
    return f"of the supernet; always one class: {markup.percent(share)}"


def cells(run):
    """Drawings of the cells, and a table of their operations."""
    drawings = "".join(
        # A genotype's only cell has one input, as the genotype says.
        _drawing(
            run.genotype if kind == "cell" else cell,
            findings.CELL_NAMES[kind].capitalize(),
        )
        for kind, cell in run.genotype.cells.items()
    )
    counts = run.genotype.operation_counts()
    names = dict.fromkeys(name for kind in counts.values() for name in kind)
    head = ["Operation", *(findings.CELL_NAMES[kind] for kind in counts)]
    rows = [
        [name, *(kind.get(name, 0) for kind in counts.values())]
        for name in names
    ]
    rows.append(["all", *(sum(kind.values()) for kind in counts.values())])
    return Raw(
        (f'<div class="pair stacked">{drawings}</div>' if drawings else "")
        + "<h3>Operations</h3>"
        + markup.table("How often each operation was kept", head, rows)
    )


def _drawing(cell, name):
    svg = figures.adopt(drawing.to_svg(cell), f"Drawing: {name}")
    return (
        f"<figure><figcaption><b>{escape(name)}</b></figcaption>"
        f'<div class="drawing">{svg}</div></figure>'
    )
