"""A task of a sweep: a search, and perhaps trainings of its genotype.

Every run is its own process, the command as typed: TensorFlow gives back
neither its devices nor its memory.
"""

import dataclasses
import shlex
import sys

from tfnas import baseline, search, train
from tfnas.cli import command
from tfnas.errors import UserError
from tfnas.runs import recorded
from tfnas.runs.contents import is_begun, is_finished
from tfnas.runs.reading import read_run

RESOLVE = {
    "search": search.resolve,
    "baseline": baseline.resolve,
    "train": train.resolve,
}


@dataclasses.dataclass(frozen=True)
class Task:
    """One search of a sweep, and the trainings of its genotype.

    Attributes:
        number: its place in the sweep, from 0.
        folder: of the search; the training's ends in `_trained`.
        search: {flag: value} of the search.
        train: {flag: value} of the training, or None for no training.
        also: {name: {flag: value}} of more trainings, which differ from
            `train` in these flags; their folders end in `_trained_NAME`.
        kind: the command that searches, "search" or "baseline".
    """

    number: int
    folder: str
    search: dict
    train: dict | None
    also: dict = dataclasses.field(default_factory=dict)
    kind: str = "search"

    def __str__(self):
        state = "new"
        if self.finished():
            state = "finished"
        elif is_begun(self.folder):
            state = "begun"
        return f"{self.number:3d}  {self.folder}  {state}"

    def finished(self):
        """Whether the task is finished."""
        folders = [self.folder, *self._trainings()]
        return all(map(is_finished, folders))

    def runs(self):
        """Yields (kind, folder, {flag: value}) of its runs.

        A training follows from its search's files, so the search must be
        finished when the second item is asked for.
        """
        yield self.kind, self.folder, self.search
        for folder, given in self._trainings().items():
            typed = read_run(self.folder).summary["next_command"]
            found = recorded.parse(train.TrainConfig, typed)
            yield "train", folder, found | given

    def _trainings(self):
        """{folder: {flag: value}} of the trainings."""
        if self.train is None:
            return {}
        trained = f"{self.folder}_trained"
        also = {
            f"{trained}_{name}": self.train | changes
            for name, changes in self.also.items()
        }
        return {trained: self.train, **also}


def run(task, start):
    """Do the rest of a task; return 0 or the exit code of a failed run.

    `start` runs a command, given as its words, and returns its exit code. A
    stopped run ends the task too.
    """
    try:
        for kind, folder, given in task.runs():
            given = {**given, "out": folder}
            if is_finished(folder):
                _check(kind, folder, given)
                print(f"{folder}: finished", flush=True)
                continue
            if is_begun(folder):
                given["resume"] = True
            words = [sys.executable, "-m", f"tfnas.{kind}"]
            words += command.typed(given)
            print(shlex.join(["python", *words[1:]]), flush=True)
            code = start(words)
            if code:
                return code
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _check(kind, folder, given):
    """Refuse a finished run with other values."""
    from tfnas.runs.folder import Folder

    config, *values = RESOLVE[kind]({**given, "resume": True})
    Folder(folder, config.decisive(*values), resume=True).check()
