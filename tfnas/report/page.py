"""The whole page of a run."""

import shlex
from pathlib import Path

from tfnas.report import (
    alphas,
    colours,
    course,
    markup,
    overview,
    perturbation,
    stopping,
)
from tfnas.report.markup import Raw, escape
from tfnas.runs import contents


def render(run):
    """The whole page of a search as HTML that needs no other file."""
    decided = contents.DECISIONS_USE if run.decisions else {}
    return document(
        overview.title(run),
        overview.header(run),
        {
            "The cells": overview.cells(run),
            "The search": course.curves(run)
            + stopping.table(run)
            + course.changes(run)
            + perturbation.table(run),
            "The architecture weights": _weights(run),
            "How it was made": _provenance(run),
        },
        {**contents.USES[run.kind], **decided},
    )


def document(title, header, sections, files):
    """A page that needs no other file.

    `header`, the first screen, is HTML, `sections` are {heading: HTML}, and
    `files` are {name of a file next to the page: its content in words}.
    """
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    content = "".join(
        f"<section><h2>{escape(name)}</h2>{text}</section>"
        for name, text in sections.items()
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · tfnas</title>"
        f"<style>{style}{colours.style_sheet()}</style></head><body>"
        f"<header>{header}</header><main>{content}</main>"
        f"<footer>{_files(files)}</footer></body></html>\n"
    )


_HOW = {
    "softmax": "The operations of an edge share a weight of 1 (a softmax).",
    "sigmoid": "Each operation has its own weight (a sigmoid).",
    "dirichlet": "The operations of an edge share a weight of 1 (the mean of a "
    "Dirichlet distribution).",
}


def _weights(run):
    relaxation = run.config["method"]["relaxation"]
    how = _HOW.get(relaxation, _HOW["softmax"])
    intro = (
        f"<p>{how} The margin is the lead of the best operation over the "
        "second best, without <code>none</code>: the smaller it is, the more "
        "the choice is up to chance. A framed number is in the genotype, and "
        "a dot marks its edges.</p>"
    )
    last = len(run.stages) - 1
    if not alphas.have_moved(run):
        intro = ""
    if last == 0:
        return intro + alphas.overview(run) + alphas.stage(run, 0)
    earlier_and_last = "".join(
        f"<details{' open' if number == last else ''}>"
        f"<summary>Stage {number + 1} of {last + 1}</summary>"
        f"{alphas.stage(run, number)}</details>"
        for number in range(last + 1)
    )
    return intro + alphas.overview(run) + earlier_and_last


def _provenance(run):
    config, summary, data = run.config, run.summary, run.config["data"]
    network = summary["network"]
    shape = "×".join(str(size) for size in data["image_shape"])
    cost = {
        "Derived network": f"{network['channels']} channels, "
        f"{network['cells']} cells: "
        f"{markup.exact(network['parameters'])} parameters, "
        f"{markup.exact(network['multiply_adds'])} multiply-adds",
        "Supernet": f"{markup.exact(summary['supernet_parameters'])} "
        f"parameters, {markup.exact(summary['supernet_multiply_adds'])} "
        "multiply-adds",
        "Time": f"{markup.duration(summary['seconds'])} "
        f"({summary['seconds']:,.0f} s), {len(run.snapshots)} epochs",
        "Peak memory": f"{markup.exact(summary['peak_memory_mb'])} MB",
        "Data": f"{data['name']}: {markup.exact(data['train'])} images for "
        f"the weights, {markup.exact(data['valid'])} for the alphas, {shape}, "
        f"{classes(data['classes'])}",
        "Versions": ", ".join(
            f"{k} {v}" for k, v in config["versions"].items()
        ),
    }
    command = escape(shlex.join(str(word) for word in config["command"]))
    settings = markup.facts(config["config"])
    method = markup.facts(config["method"])
    return (
        f"<pre><code>{command}</code></pre>"
        f'<div class="scroll">{markup.facts(cost)}</div>'
        f"<details><summary>Every flag</summary>{settings}</details>"
        f"<details><summary>The method's values</summary>{method}</details>"
    )


def classes(names):
    """The number of classes, and the first names."""
    shown = ", ".join(str(name) for name in names[:20])
    more = ", ..." if len(names) > 20 else ""
    return f"{len(names)} classes ({shown}{more})"


def _files(files):
    items = "; ".join(
        f'<a href="{name}">{name}</a>, {what}' for name, what in files.items()
    )
    return Raw(f"<p>Next to this page: {items}.</p>")
