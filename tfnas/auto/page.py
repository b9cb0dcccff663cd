"""The report of the whole way, one page."""

import itertools
import os
import shlex
from pathlib import Path

from tfnas.auto import trained
from tfnas.report import interval, markup, overview
from tfnas.report import page as pages
from tfnas.report.markup import Raw, escape
from tfnas.runs import contents, naming
from tfnas.runs.reading import read_run

# A cell of the table with a sentence.
_TEXT = 'class="words" style="white-space: normal; min-width: 9em"'
FILES = {
    contents.PLAN: "the plan",
    contents.SUMMARY: "the result and what it cost",
}


def render(config, plans, found, chosen, summary):
    """The page as HTML that needs no other file.

    Args:
        config: an `AutoConfig`.
        plans: the `Plan` of each round.
        found: every `Trained`.
        chosen: the best of them.
        summary: the content of summary.json.
    """
    title = f"A network for {naming.data_name(config)}"
    return pages.document(
        title,
        _header(title, found, chosen, summary),
        {
            "The trainings": _trainings(found, chosen),
            "The cell": overview.cells(chosen.run),
            "The plan": "".join(_plan(made, summary) for made in plans),
            "Serve it": _serving(config, summary),
            "How it was made": _commands(config, plans),
        },
        FILES,
    )


def _header(title, found, chosen, summary):
    tested = chosen.tested
    return Raw(
        '<p class="kicker">From images to a network</p>'
        f"<h1>{escape(title)}</h1>"
        f'<p class="verdict">{escape(verdict(found, chosen))}</p>'
        + markup.key_figures(
            (
                (
                    "Test accuracy",
                    f"{100 * tested.accuracy:.2f} %",
                    interval.counted(tested.correct, tested.images),
                ),
                (
                    "Baseline",
                    markup.percent(tested.majority_share),
                    "always the most frequent class",
                ),
                (
                    "Held-out accuracy",
                    markup.percent(chosen.held_out),
                    "which chose it",
                ),
                (
                    "Time",
                    markup.duration(summary["seconds"]),
                    f"of {markup.duration(3600 * summary['hours'])}",
                ),
                (
                    "Multiply-adds",
                    markup.count(chosen.run.summary["multiply_adds"]),
                    "per image",
                ),
            )
        )
    )


def verdict(found, chosen):
    """What was handed back, and whether the search paid, in words."""
    tested = chosen.tested
    text = (
        f"The network is that of {chosen.title}: it classifies "
        f"{100 * tested.accuracy:.2f} % of {tested.images:,} test images "
        f"correctly ({interval.in_words(tested.correct, tested.images)} with "
        "95 % confidence). "
    )
    if not tested.beats_majority:
        text += (
            "That is not surely more than always predicting the most frequent "
            "class. "
        )
    return text + paid(found, chosen)


def paid(found, chosen):
    """One sentence on the search against its rivals."""
    rivals = [one for one in found if one.fit != "found"]
    if not rivals:
        return "No other cell was trained beside it: the time was too short."
    own = trained.best([one for one in found if one.fit == "found"])
    if chosen.fit != "found":
        return (
            f"The search did not pay here: {chosen.title} was better on the "
            f"held-out images ({_share(chosen.held_out)} against "
            f"{_share(own.held_out)})."
        )
    other = max(rivals, key=lambda one: one.tested.accuracy)
    ours, theirs = own.tested, other.tested
    if theirs.accuracy >= ours.accuracy:
        return (
            f"The search did not pay here: on the test images {other.title} "
            f"gets {_share(theirs.accuracy)}."
        )
    low, _ = interval.wilson(ours.correct, ours.images)
    _, high = interval.wilson(theirs.correct, theirs.images)
    if low <= high:
        return (
            f"Its lead over {other.title}, which gets "
            f"{_share(theirs.accuracy)}, is within the intervals: it may be "
            "luck."
        )
    return (
        f"The search paid: {other.title}, the best of the others, gets "
        f"{_share(theirs.accuracy)}."
    )


def _share(value):
    return f"{100 * value:.2f} %"


def _trainings(found, chosen):
    rows = []
    for one in found:
        tested, values = one.tested, one.values()
        rows.append(
            (
                f"{one.title}{' (chosen)' if one is chosen else ''}",
                f"{100 * one.held_out:.2f} %",
                f"{100 * tested.accuracy:.2f} %",
                interval.in_words(tested.correct, tested.images),
                markup.count(values["multiply_adds"]),
                f"{values['channels']} channels, {values['cells']} cells",
                values["epochs"],
            )
        )
    majority = chosen.tested.majority_share
    rows.append(
        ("always the most frequent class", "–", f"{100 * majority:.2f} %")
        + ("–",) * 4
    )
    head = ("network", "held-out images", "test images", "95 % interval")
    head += ("multiply-adds", "size", "epochs")
    return markup.table(
        "One recipe; those of a round have equal epochs and cost",
        head,
        rows,
    )


def _plan(made, summary):
    choices = [
        (
            choice["topic"],
            (
                _TEXT,
                ", ".join(
                    f"{k} {_shown(v)}" for k, v in choice["values"].items()
                ),
            ),
            (_TEXT, choice["reason"]),
            (_TEXT, choice["evidence"]),
        )
        for choice in made.choices
    ]
    taken = summary["seconds_of_steps"]
    steps = [
        (
            step.name,
            f"{step.minutes:.1f}",
            f"{taken.get(step.folder, 0) / 60:.1f}",
            (_TEXT, step.reason),
        )
        for step in made.steps
    ]
    steps += [
        (name, f"{minutes:.1f}", f"{taken.get(name, 0) / 60:.1f}", "")
        for name, minutes in made.beside.items()
    ]
    notes = "".join(
        f'<p class="note">{escape(n[:1].upper() + n[1:])}</p>'
        for n in made.notes
    )
    memory = f"{made.memory / 1e9:.1f} GB"
    return (
        f"<p>Planned: {made.minutes:.1f} minutes of "
        f"{60 * made.hours:.1f}, and {memory} of memory.</p>"
        + markup.table(
            "What was chosen and why",
            (
                "choice",
                *((_TEXT, name) for name in ("values", "reason", "evidence")),
            ),
            choices,
        )
        + markup.table(
            "Steps",
            ("step", "minutes planned", "minutes taken", (_TEXT, "what")),
            steps,
        )
        + notes
    )


def _shown(value):
    if isinstance(value, list | tuple):
        return "/".join(map(str, value))
    return str(value)


def serving(summary):
    """The command that serves the network."""
    saved = Path(summary["saved_model"])
    name = saved.name
    return (
        f"docker run -p 8501:8501 -v {shlex.quote(str(saved.absolute()))}:"
        f"/models/{name} -e MODEL_NAME={name} tensorflow/serving"
    )


def _serving(config, summary):
    asked = summary["answers"]
    facts = {
        "SavedModel": summary["saved_model"],
        "ONNX": summary["onnx"],
        "Answers": f"the ONNX file, asked without tfnas, agrees with the "
        f"network on {asked['agree']} of {asked['images']} test images; "
        f"{asked['right']} answers are right",
    }
    return (
        markup.facts(facts)
        + f"<pre><code>{escape(serving(summary))}</code></pre>"
    )


def _commands(config, plans):
    """Every step's command, under a link to its report."""
    parts = []
    for step in itertools.chain(*(made.steps for made in plans)):
        here = os.path.relpath(step.folder, config.out)
        command = shlex.join(map(str, read_run(step.folder).typed))
        parts.append(
            f'<p><a href="{escape(f"{here}/{contents.REPORT}")}">'
            f"{escape(here)}</a></p><pre><code>{escape(command)}</code></pre>"
        )
    return "".join(parts)
