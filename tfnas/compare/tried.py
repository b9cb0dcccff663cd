"""The settings that were tried before a comparison, and on which seeds.

Who picks the best of several settings on some seeds, and reports it on the same
seeds, reports luck. A comparison therefore names the folder of the runs that
chose, --tried. It records their settings and seeds beside its own runs, once
and for all, and refuses to report those seeds.
"""

from pathlib import Path

from tfnas.compare.records import label_of
from tfnas.compare.table import Table
from tfnas.errors import UserError
from tfnas.runs import parsing
from tfnas.runs.reading import runs_in

FILE = "tried.json"


def settings(config):
    """{setting: its seeds} of --tried, and of earlier comparisons in --out.

    Args:
        config: a `CompareConfig`.

    Raises:
        UserError: if --tried has no search.
    """
    path = Path(config.out) / FILE
    found = parsing.read_json(path) if path.exists() else {}
    new = _of_runs(config.tried) if config.tried else {}
    return {
        label: sorted({*found.get(label, ()), *new.get(label, ())})
        for label in dict.fromkeys([*found, *new])
    }


def refuse(tried, seeds):
    """Raise a `UserError` if one of the seeds chose the settings."""
    for label, theirs in tried.items():
        both = sorted({*theirs} & {*seeds})
        if both:
            raise UserError(
                f"--seeds={','.join(map(str, both))}: chose the settings "
                f"({label} was tried on them); report other seeds"
            )


def tables(tried):
    """Their table, a list of one `Table`."""
    note = "Runs from these seeds chose the settings; none of them is above."
    rows = [
        (label, ", ".join(map(str, seeds))) for label, seeds in tried.items()
    ]
    if not rows:
        note = (
            "None is on record. If other settings were tried, name their "
            "folder: --tried=DIR."
        )
    head = ("setting", "seeds")
    return [Table("Settings that were tried before", head, rows, (note,))]


def _of_runs(folder):
    found = {}
    for run in runs_in(folder):
        if run.kind != "train":
            seeds = found.setdefault(label_of(run), [])
            seeds.append(run.config["config"]["seed"])
    if not found:
        raise UserError(f"--tried={folder}: no search there; name its folder")
    return found
