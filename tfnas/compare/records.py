"""The records to compare: a folder's finished searches and trainings."""

import contextlib
import dataclasses
from pathlib import Path

from tfnas.compare.labels import of_folder
from tfnas.errors import UserError
from tfnas.genotype import Genotype
from tfnas.runs.contents import is_finished
from tfnas.runs.reading import read_run, runs_in


@dataclasses.dataclass(frozen=True)
class Trained:
    """One training of a found cell.

    Attributes:
        name: the part after `_trained_` in its folder's name; empty for the
            main training.
        folder: of the training.
        dataset: the one trained and tested on.
        channels, cells: size of the network.
        parameters, multiply_adds: cost of the network.
        hours: duration of the training.
        error: on the test images, in percent.
        images: number of test images.
        latency: milliseconds for one image, or None if not measured.
        typed: words of the command.
    """

    name: str
    folder: Path
    dataset: str
    channels: int
    cells: int
    parameters: int
    multiply_adds: int
    hours: float
    error: float
    images: int
    latency: float | None
    typed: tuple


@dataclasses.dataclass(frozen=True)
class Found:
    """One finished search, with or without gradients.

    Attributes:
        folder: of the search.
        label: the method and its own values.
        method: only the method's name.
        seed: of the search.
        dataset: the one searched on.
        values: the method's values, or the recipe of a baseline's trainings.
        typed: words of the command.
        genotype: the one found.
        hours: duration of the search.
        network: size and cost of the cell's network at its paper's size.
        accuracy: of the supernet on the second half, or None.
        pruning: {"whole", "pruned", "tuned", "chance"}: what the supernet's
            accuracies were once its cell was derived, see `pruned.measure`; {}
            if not measured.
        trained: {name: Trained}.
    """

    folder: Path
    label: str
    method: str
    seed: int
    dataset: str
    values: dict
    typed: tuple
    genotype: Genotype
    hours: float
    network: dict
    accuracy: float | None
    pruning: dict
    trained: dict

    @property
    def kind(self):
        """Its command: "search" or "baseline"."""
        return self.typed[2].rpartition(".")[2]

    @property
    def main(self):
        """The main training, or None."""
        return self.trained.get("")

    @property
    def size(self):
        """Size and cost of its network, as trained or as in the paper."""
        return vars(self.main) if self.main else self.network


def read(out, *, labels=None, seeds=None, dataset=None):
    """The finished searches of a folder, and the names of the other runs.

    `labels`, `seeds` and `dataset` select them; without a data set all must be
    on the same. If none is finished or one is damaged, it raises `UserError`.
    """
    found, unfinished = [], []
    for run in runs_in(out):
        if run.kind == "train":
            continue
        what, called = run.config["config"], _data_name(run)
        label = label_of(run)
        if labels is not None and label not in labels:
            continue
        if seeds is not None and what["seed"] not in seeds:
            continue
        if dataset not in (None, what["dataset"], called):
            continue
        if run.finished:
            found.append(_found(run, label))
        else:
            unfinished.append(run.folder.name)
    if not found:
        raise UserError(
            f"--out={out}: no finished search there; leave out --gather to "
            "run them"
        )
    on = sorted({each.dataset for each in found})
    if len(on) > 1:
        raise UserError(
            f"--out={out}: searches on {', '.join(on)}; choose one with "
            f"--dataset={on[0]}"
        )
    order = list(labels or dict.fromkeys(each.label for each in found))
    found.sort(key=lambda each: (order.index(each.label), each.seed))
    return found, unfinished


def again(found):
    """The same searches, read again."""
    return [_found(read_run(each.folder), each.label) for each in found]


def label_of(run):
    """The label of a `Run`, which its folder's name begins with."""
    what = run.config["config"]
    return of_folder(run.folder.name, what, _data_name(run))


def by_label(found):
    """{label: its searches}, in order."""
    groups = {}
    for each in found:
        groups.setdefault(each.label, []).append(each)
    return groups


def _found(run, label):
    folder, trained = run.folder, {}
    for path in sorted(folder.parent.glob(f"{_glob(folder.name)}_trained*")):
        name = path.name.removeprefix(f"{folder.name}_trained").lstrip("_")
        if is_finished(path):
            trained[name] = _trained(name, read_run(path))
    what, shares = run.config["config"], run.measured.get("pruning", {})
    with _whole(run):
        return Found(
            folder=folder,
            label=label,
            method=what.get("method", what.get("name")),
            seed=what["seed"],
            dataset=_data_name(run),
            values=run.config.get("method", run.config.get("recipe")),
            typed=tuple(run.typed),
            genotype=run.genotype,
            hours=run.hours,
            network=run.summary["network"],
            accuracy=run.supernet_accuracy,
            pruning={name: 100 * share for name, share in shares.items()},
            trained=trained,
        )


def _trained(name, run):
    summary = run.summary
    with _whole(run):
        return Trained(
            name=name,
            folder=run.folder,
            dataset=_data_name(run),
            channels=run.config["recipe"]["channels"],
            cells=run.cells,
            parameters=summary["parameters"],
            multiply_adds=summary["multiply_adds"],
            hours=run.hours,
            error=100 * (1 - summary["test_accuracy"]),
            images=summary["test_images"],
            latency=run.measured.get("latency_ms"),
            typed=tuple(run.typed),
        )


def _data_name(run):
    """A run's name for its data."""
    asked = run.config["config"].get("dataset")
    return run.config.get("data", {}).get("name", asked)


@contextlib.contextmanager
def _whole(run):
    """Say in one line what a run's files lack."""
    try:
        yield
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{run.folder}: its configuration or summary has no {error}; the "
            "run is damaged"
        ) from None


def _glob(name):
    """A name, escaped for a pattern."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
