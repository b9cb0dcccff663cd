"""The page of a trained network: its accuracy and its classes."""

import os
import shlex

import numpy as np

from tfnas.report import (
    colours,
    confusion,
    course,
    interval,
    markup,
    overview,
    page,
)
from tfnas.report.markup import Raw, escape
from tfnas.report.measures import measured
from tfnas.runs import contents


def render(run):
    """The whole page as HTML that needs no other file."""
    classes = run.config["data"]["classes"]
    best = {contents.BEST: "the weights that were tested"}
    chosen = best if run.summary["weights"] == "best" else {}
    return page.document(
        _title(run),
        _header(run),
        {
            "The classes": confusion.table(run.confusion, classes)
            + confusion.picture(run.confusion, classes),
            "The training": _curves(run),
            "The cells": overview.cells(run),
            "How it was made": _provenance(run),
        },
        chosen | contents.USES[run.kind],
    )


def _title(run):
    provenance, config = run.genotype.provenance, run.config
    method = provenance.get("name") or overview.METHODS.get(
        provenance.get("method"), "A network"
    )
    name, seed = config["data"]["name"], config["config"]["seed"]
    return f"{method} trained on {name}, seed {seed}"


def _header(run):
    return Raw(
        '<p class="kicker">Network training</p>'
        f"<h1>{escape(_title(run))}</h1>"
        f'<p class="verdict">{escape(_verdict(run))}</p>'
        + _key_figures(run)
        + "<h3>Go on from here</h3>"
        f"<pre><code>{escape(_code(run))}</code></pre>"
    )


def _verdict(run):
    found = measured(run.confusion)
    text = (
        f"{100 * found.accuracy:.2f} % of {markup.exact(found.images)} test "
        "images are classified correctly, "
        f"{interval.counted(found.correct, found.images)} with 95 % "
        f"confidence. {_line_to_beat(run, found)} "
    )
    if _are_averages(run):
        text += "The weights are averages over the last steps. "
    if run.summary["weights"] == "best":
        return text + (
            f"The weights are epoch {run.summary['epoch']}'s, the best on "
            f"{markup.exact(run.config['data']['valid'])} held-out training "
            "images; test images chose nothing."
        )
    return text + "The weights are the last epoch's: test images chose nothing."


def _are_averages(run):
    recipe, summary = run.config["recipe"], run.summary
    last = summary["epoch"] == recipe["epochs"]
    return bool(recipe.get("average_weights")) and last


def _line_to_beat(run, found):
    name = run.config["data"]["classes"][found.majority]
    beaten = "" if found.beats_majority else "not surely "
    return (
        f"That is {beaten}more than the "
        f"{markup.percent(found.majority_share)} of always predicting the most "
        f"frequent class, {name}."
    )


def _key_figures(run):
    summary, recipe = run.summary, run.config["recipe"]
    size = f"{recipe['channels']} channels, {recipe['cells']} cells"
    if run.genotype.layers is not None:
        size = f"{len(run.genotype.layers)} layers"
    last = run.history["train_accuracy"][-1]
    found = measured(run.confusion)
    return markup.key_figures(
        (
            (
                "Test accuracy",
                f"{100 * summary['test_accuracy']:.2f} %",
                interval.counted(found.correct, found.images),
            ),
            (
                "Balanced accuracy",
                markup.percent(found.balanced_accuracy),
                "mean of the classes' recalls",
            ),
            ("Macro-F1", f"{found.macro_f1:.3f}", "mean of the classes' F1"),
            (
                "Baseline",
                markup.percent(found.majority_share),
                "always the most frequent class",
            ),
            *_by_views(summary),
            ("Training accuracy", markup.percent(last), "in the last epoch"),
            ("Parameters", markup.count(summary["parameters"]), size),
            (
                "Multiply-adds",
                markup.count(summary["multiply_adds"]),
                "per image",
            ),
            (
                "Training time",
                markup.duration(summary["seconds"]),
                f"{np.nanmean(run.history['seconds']):.1f} s per epoch",
            ),
            (
                "Peak memory",
                markup.count(summary["peak_memory_mb"] * 1e6, unit="B"),
                "of the process",
            ),
        )
    )


def _by_views(summary):
    """The key figure of a test by several views, if there was one."""
    if "test_views" not in summary:
        return []
    views = summary["test_views"]
    value = f"{100 * summary['test_views_accuracy']:.2f} %"
    return [(f"By {views} views", value, "mean logits of each test image")]


def _code(run):
    """Python code that loads the network."""
    size = ", ".join(map(str, run.config["data"]["image_shape"]))
    return (
        "import tfnas\n\n"
        f"# From images (N, {size}) in 0..255 to logits.\n"
        f"model = tfnas.load({_folder(run)!r})\n"
        "print(model.classes)"
    )


def _folder(run):
    """The run's folder, as a path even if a network of the zoo has its name."""
    path = str(run.folder)
    return path if os.sep in path else os.path.join(os.curdir, path)


def _curves(run):
    history = run.history
    if len(history["epoch"]) == 1:
        return course.one_epoch(history)
    charts = [
        course.chart(
            name,
            {
                "training": (history[f"train_{column}"], colours.TRAIN),
                "validation": (history[f"valid_{column}"], colours.VALID),
            },
        )
        for name, column in (("Loss", "loss"), ("Accuracy", "accuracy"))
    ]
    charts += [
        course.chart(
            name, {"": (history[column], colours.MUTED)}, from_zero=True
        )
        for name, column in (
            ("Learning rate", "learning_rate"),
            ("Drop path rate", "drop_path"),
            ("Seconds per epoch", "seconds"),
        )
        if history[column].any()
    ]
    return Raw(
        '<p class="note">All charts run over the epochs. Training images '
        "are augmented, and drop path may be on, so their curve does not bound "
        f'the other.</p><div class="charts">{"".join(charts)}</div>'
    )


def _provenance(run):
    config, data = run.config, run.config["data"]
    shape = "×".join(str(size) for size in data["image_shape"])
    facts = {
        "Data": f"{data['name']}: {markup.exact(data['train'])} images to "
        f"train, {markup.exact(data['valid'])} to select weights, "
        f"{markup.exact(data['test'])} to test, {shape}, "
        f"{page.classes(data['classes'])}",
        "Genotype": ", ".join(
            f"{k} {v}" for k, v in run.genotype.provenance.items()
        ),
        "Versions": ", ".join(
            f"{k} {v}" for k, v in config["versions"].items()
        ),
    }
    command = escape(shlex.join(str(word) for word in config["command"]))
    return (
        f"<pre><code>{command}</code></pre>"
        f'<div class="scroll">{markup.facts(facts)}</div>'
        "<details><summary>Every flag</summary>"
        f"{markup.facts(config['config'])}</details>"
        "<details><summary>The recipe</summary>"
        f"{markup.facts(config['recipe'])}</details>"
    )
