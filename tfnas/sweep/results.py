"""results.csv: a row for each finished run of a sweep."""

import csv
import io
from pathlib import Path

from tfnas.cli.files import staged
from tfnas.errors import UserError
from tfnas.runs import earlier
from tfnas.runs.trained import hours, read_json
from tfnas.sweep.tasks import LAST

# Named as in the zoo's results.csv where they mean the same.
COLUMNS = (
    "name",
    "method",
    "dataset",
    "seed",
    "search_hours",
    "supernet_accuracy_percent",
    "channels",
    "cells",
    "parameters",
    "multiply_adds",
    "hours",
    "test_images",
    "test_accuracy_percent",
    "source",
)


def gather(out):
    """Put the finished runs of a folder into its results.csv.

    A search that was not trained has the size of its network in the paper
    (36 channels, 20 cells in the DARTS space) and no test accuracy.

    Args:
        out: the folder of the runs' folders.

    Returns:
        Lines that say what there is and what is not finished.

    Raises:
        UserError: if no run is finished, or one is damaged.
    """
    rows, unfinished = [], []
    for path in sorted(Path(out).glob("*/config.json")):
        config, folder = read_json(path), path.parent
        if "method" not in config:
            continue
        if (folder / LAST).exists():
            rows.append(_row(folder, config))
        else:
            unfinished.append(folder.name)
    if not rows:
        raise UserError(
            f"--out={out}: no finished search there; run the sweep first"
        )
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    place = Path(out) / "results.csv"
    try:
        with staged(place) as aside:
            aside.write_text(text.getvalue(), encoding="utf-8", newline="")
    except OSError as error:
        raise UserError(f"{place}: {error.strerror}; then --gather") from None
    trained = sum(bool(row.get("test_images")) for row in rows)
    lines = [f"{place}: {len(rows)} searches, {trained} of them trained"]
    if unfinished:
        lines.append(f"not finished: {', '.join(unfinished)}")
    return lines


def _row(folder, config):
    summary = read_json(folder / "summary.json")
    row = {
        "name": folder.name,
        "method": config["config"]["method"],
        "dataset": config["config"]["dataset"],
        "seed": config["config"]["seed"],
        "search_hours": hours(summary),
        "supernet_accuracy_percent": _last_accuracy(folder),
        **summary["network"],
        "source": " ".join(earlier.typed(config)),
    }
    trained = folder.with_name(f"{folder.name}_trained")
    if (trained / LAST).exists():
        row |= _trained(trained)
    return row


def _trained(folder):
    config = read_json(folder / "config.json")
    summary = read_json(folder / "summary.json")
    size = {k: config["recipe"][k] for k in ("channels", "cells")}
    if config["genotype"]["space"] == "mobile":
        size["cells"] = len(config["genotype"]["layers"])
    return {
        **size,
        "parameters": summary["parameters"],
        "multiply_adds": summary["multiply_adds"],
        "hours": hours(summary),
        "test_images": summary["test_images"],
        "test_accuracy_percent": f"{100 * summary['test_accuracy']:.2f}",
        "source": " ".join(earlier.typed(config)),
    }


def _last_accuracy(folder):
    """The supernet's accuracy on its second half after the last epoch."""
    try:
        with open(folder / "history.csv", newline="") as file:
            *_, last = csv.DictReader(file)
        return f"{100 * float(last['valid_accuracy']):.2f}"
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{folder / 'history.csv'}: damaged ({error}); resume the run"
        ) from None
