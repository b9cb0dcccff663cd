"""What the folder of a finished training says."""

import dataclasses
import json
from pathlib import Path

from tfnas.errors import UserError
from tfnas.genotype import Genotype


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """What the folder of a finished training says.

    Example: `read_run("runs/mine").summary["test_accuracy"]`.
    """

    folder: Path
    config: dict
    summary: dict
    genotype: Genotype
    weights: bytes


def read_run(folder):
    """The `TrainedRun` of a folder.

    Raises:
        UserError: if it is not a folder of `tfnas.train`, or not finished.
    """
    folder = Path(folder)
    config = read_json(folder / "config.json")
    if "recipe" not in config:
        raise UserError(f"{folder}: not of tfnas.train; give such a folder")
    summary = read_json(folder / "summary.json")
    path = folder / f"{summary['weights']}.safetensors"
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    genotype = Genotype.from_json(folder / "genotype.json")
    return TrainedRun(folder, config, summary, genotype, weights)


def read_json(path):
    """The content of a JSON file of a run."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}; give the folder of a finished run"
        ) from None
    except ValueError:
        raise UserError(f"{path}: not JSON; the run is damaged") from None


def hours(summary):
    """How long a run took, for the record."""
    return round(summary["seconds"] / 3600, 3)
