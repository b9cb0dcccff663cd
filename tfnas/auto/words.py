"""A plan and its end, as the terminal shows them."""

from pathlib import Path

from tfnas.report import interval, markup
from tfnas.runs import contents


def of_plan(made):
    """The lines of a plan."""
    seen = made.seen
    size = f"{seen.height}x{seen.width}x{seen.channels}"
    yield (
        f"Plan for {markup.duration(3600 * made.hours)}, about "
        f"{made.minutes:.1f} minutes of it, and {made.memory / 1e9:.1f} GB"
    )
    yield (
        f"  images: {seen.images:,} to train, {seen.test_images:,} to test, "
        f"{size}; {seen.classes} classes of {100 * seen.rarest:.1f} to "
        f"{100 * seen.most:.1f} %"
    )
    yield (
        f"  machine: {markup.plural(seen.cores, 'core')}, "
        f"{seen.memory / 1e9:.1f} GB free; a step of the search takes "
        f"{made.measured.search_step:.2f} s, of a training "
        f"{made.measured.step:.2f} s"
    )
    for choice in made.choices:
        values = ", ".join(
            f"{k} {_shown(v)}" for k, v in choice["values"].items()
        )
        yield f"  {choice['topic']}: {values}; {choice['reason']}"
    for step in made.steps:
        yield f"  {step.name}: {step.minutes:.1f} min, {step.reason}"
    for note in made.notes:
        yield f"  {note}"


def _shown(value):
    if isinstance(value, list | tuple):
        return "/".join(map(str, value))
    return str(value)


def of_end(summary, out):
    """The last lines."""
    chosen = summary["chosen"]
    count = interval.counted(chosen["test_correct"], chosen["test_images"])
    yield ""
    yield (
        f"Test accuracy of {chosen['cell']}: "
        f"{100 * chosen['test_accuracy']:.2f} % ({count}); always the most "
        f"frequent class: {100 * summary['majority_share']:.2f} %"
    )
    restarts = summary["restart_seconds"]
    later = f", {restarts:.0f} s of restarts besides" if restarts else ""
    yield (
        f"Time: {summary['seconds'] / 60:.1f} minutes of "
        f"{60 * summary['hours']:.1f}{later}"
    )
    yield f"SavedModel: {summary['saved_model']}"
    yield f"ONNX: {summary['onnx']}"
    yield f"Report: {Path(out) / contents.REPORT}"
