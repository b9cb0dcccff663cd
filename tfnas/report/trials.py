"""The page of a search without gradients: its trials and the best cell."""

import shlex

import numpy as np

from tfnas.report import colours, course, findings, markup, overview, page
from tfnas.report.markup import Raw, escape
from tfnas.runs import contents


def render(run):
    """The whole page as HTML that needs no other file."""
    seed = run.config["config"]["seed"]
    title = (
        f"{run.summary['title']} on {run.config['data']['name']}, seed {seed}"
    )
    header = (
        '<p class="kicker">Search without gradients</p>'
        f"<h1>{escape(title)}</h1>"
        f'<p class="verdict">{escape(findings.verdict(run.genotype))}</p>'
        + _key_figures(run)
        + "<h3>Go on from here</h3>"
        f"<pre><code>{escape(run.summary['next_command'])}</code></pre>"
    )
    sections = {
        "The cell": overview.cells(run),
        "The trials": _trials(run),
        "How it was made": _provenance(run),
    }
    return page.document(title, header, sections, contents.USES[run.kind])


def _key_figures(run):
    summary, scores = run.summary, run.trials["score"]
    network, best = summary["network"], int(np.argmax(scores))
    size = f"{network['channels']} channels, {network['cells']} cells"
    return markup.key_figures(
        (
            ("Best score", f"{scores[best]:.4g}", f"trial {best + 1}"),
            ("Trials", str(summary["trials"]), "cells tried"),
            ("Parameters", markup.count(network["parameters"]), size),
            (
                "Multiply-adds",
                markup.count(network["multiply_adds"]),
                "per image",
            ),
            (
                "Search time",
                markup.duration(summary["seconds"]),
                f"{run.trials['seconds'].mean():.1f} s per trial",
            ),
            (
                "Peak memory",
                markup.count(summary["peak_memory_mb"] * 1e6, unit="B"),
                "of the process",
            ),
        )
    )


def _trials(run):
    scores = run.trials["score"]
    if len(scores) == 1:
        return Raw('<p class="note">There was one trial.</p>')
    chart = course.chart(
        "Score",
        {
            "trial": (scores, colours.MUTED),
            "best so far": (np.maximum.accumulate(scores), colours.INK),
        },
    )
    seconds = course.chart(
        "Seconds",
        {"": (run.trials["seconds"], colours.MUTED)},
        from_zero=True,
    )
    return Raw(
        '<p class="note">All charts run over the trials.</p>'
        f'<div class="charts">{chart}{seconds}</div>'
    )


def _provenance(run):
    command = escape(shlex.join(str(word) for word in run.config["command"]))
    return Raw(
        f"<pre><code>{command}</code></pre>"
        "<details><summary>Every flag</summary>"
        f"{markup.facts(run.config['config'])}</details>"
        "<details><summary>The recipe of a trial</summary>"
        f"{markup.facts(run.config['recipe'])}</details>"
    )
