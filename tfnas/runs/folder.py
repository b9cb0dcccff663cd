"""A run's folder: its configuration, its lock, its checkpoints.

Every file is written aside, flushed to disk and then renamed, so a reader, or
the run itself after a crash, finds it whole or not at all.
"""

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
from pathlib import Path

import numpy as np

from tfnas.cli.files import UNFINISHED, csv_text, staged
from tfnas.cli.interruption import ReaderLeft
from tfnas.errors import UserError
from tfnas.runs import contents, earlier

KEPT_CHECKPOINTS = 2
# Mean and deviation follow from the data: earlier versions did not record them,
# and another machine may round them differently.
_NOT_COMPARED = {"command", "versions", "mean", "std"}


def hold(lock, folder):
    """Lock an open file of a folder, until it is closed, or say who has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            f"--out={folder}: another process runs there; wait for it or "
            "choose another folder"
        ) from None


class Folder:
    """One run's folder, held by one process.

    Args:
        folder: where the run writes; created if missing.
        config: what decides the run's result, JSON-ready. A resumed run must
            have the same.
        resume: whether to continue the run in the folder.

    Raises:
        UserError: if the folder cannot be written, belongs to another run or
            process, or holds something else.
    """

    def __init__(self, folder, config, resume=False):
        self.folder = Path(folder)
        self.config = json.loads(json.dumps(config))
        self.resume = resume

    def __enter__(self):
        self.check()
        with self._usable():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.folder / contents.LOCK, "a")
        try:
            hold(self._lock, self.folder)
            if not self._is_present():
                self.write_json(contents.CONFIG, self.config)
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(self, kind, *_):
        self._lock.close()
        if kind is not None and issubclass(kind, BrokenPipeError):
            raise ReaderLeft(
                "the reader of the output left; repeat the command with "
                "--resume"
            ) from None

    def check(self):
        """Whether the folder has this run; changes nothing.

        Only the values in `config` are compared with an earlier run's, so a
        command can ask before it has read any data. Raises what `Folder` does.
        """
        with self._usable():
            if contents.LOCK in self._names():
                with open(self.folder / contents.LOCK, "a") as lock:
                    hold(lock, self.folder)
            return self._is_present()

    def _is_present(self):
        names = self._names()
        if contents.CONFIG not in names:
            # A process may have been killed before it had written these.
            strange = sorted(names - {contents.LOCK} - _unfinished(names))
            if strange:
                raise UserError(
                    f"--out={self.folder}: holds {strange[0]!r} but not a "
                    "run; choose another folder"
                )
            if self.resume:
                raise UserError(
                    f"--out={self.folder}: no run to resume; drop --resume"
                )
            return False
        if not self.resume:
            raise UserError(
                f"--out={self.folder}: holds a run; add --resume to continue "
                "it or choose another folder"
            )
        self._compare(earlier.read(self.folder))
        return True

    def _names(self):
        """The folder's contents; nothing if it can be made."""
        nearest = self.folder.absolute()
        while not nearest.exists():
            nearest = nearest.parent
        # Raises what making the folder would raise.
        names = set(os.listdir(nearest))
        if not os.access(nearest, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return names if self.folder.exists() else set()

    @contextlib.contextmanager
    def _usable(self):
        """Say in one line why the folder cannot be used."""
        try:
            yield
        except OSError as error:
            raise UserError(
                f"--out={self.folder}: {error.strerror}; choose a writable "
                "folder"
            ) from None

    def _compare(self, before):
        """Refuse to resume a run with other values."""
        now = earlier.with_values_of_then(self.config)
        before = {k: v for k, v in before.items() if k in now}
        differences = [
            f"{name} was {old!r}, now {new!r}"
            for name, old, new in _differences(before, now)
        ]
        if differences:
            raise UserError(
                f"--resume: {self.folder} was started with other values: "
                + "; ".join(differences)
            )

    def write(self, name, data):
        """Put bytes or text in a file of the folder, whole or not at all."""
        data = data.encode() if isinstance(data, str) else data
        with self._whole(self.folder / name) as aside:
            aside.write_bytes(data)

    def write_json(self, name, value):
        """Put a value in a JSON file of the folder."""
        self.write(name, json.dumps(value, indent=2) + "\n")

    def write_rows(self, name, columns, rows):
        """Put rows of {column: value} in a CSV file of the folder."""
        self.write(name, csv_text(columns, rows))

    def write_arrays(self, name, arrays):
        """Put {name: array} in an .npz file of the folder."""
        self.write(name, _npz(arrays))

    def save_checkpoint(self, arrays, state):
        """Keep arrays and a JSON-ready state as the newest checkpoint.

        The two newest are kept. The state has the digest of the arrays.
        """
        folder = self.folder / contents.CHECKPOINTS
        numbers = self._checkpoints()
        path = folder / f"{numbers[0] + 1 if numbers else 0:06d}"
        data = _npz(arrays)
        state = {**state, "digest": hashlib.sha256(data).hexdigest()}
        with self._whole(path) as aside:
            aside.mkdir()
            (aside / contents.ARRAYS).write_bytes(data)
            (aside / contents.STATE).write_text(json.dumps(state))
        with _storage(path):
            for number in self._checkpoints()[KEPT_CHECKPOINTS:]:
                shutil.rmtree(folder / f"{number:06d}")

    @contextlib.contextmanager
    def _whole(self, path):
        """A place to write a file before it takes its name."""
        with _storage(path):
            path.parent.mkdir(exist_ok=True)
            for name in _unfinished(os.listdir(path.parent), path.name):
                _remove(path.parent / name)
            with staged(path) as aside:
                yield aside

    def load_checkpoint(self):
        """The newest whole checkpoint, (arrays, state), or None.

        If the newest one is damaged, it says so and tries the one before.
        """
        numbers = self._checkpoints()
        for number in numbers:
            path = self.folder / contents.CHECKPOINTS / f"{number:06d}"
            try:
                state = json.loads((path / contents.STATE).read_text())
                data = (path / contents.ARRAYS).read_bytes()
                if hashlib.sha256(data).hexdigest() != state["digest"]:
                    raise ValueError(
                        "its arrays have changed since they were written"
                    )
                with np.load(io.BytesIO(data), allow_pickle=False) as file:
                    return dict(file), state
            except (OSError, ValueError, KeyError, TypeError) as error:
                print(f"{path}: damaged ({error}); trying the one before")
                # It would count as one of the two kept.
                aside = path.with_suffix(".damaged")
                with _storage(path):
                    shutil.rmtree(aside, ignore_errors=True)
                    path.rename(aside)
        if numbers:
            print("No checkpoint is whole; starting from the beginning.")
        return None

    def _checkpoints(self):
        """The numbers of the complete checkpoints, the newest first."""
        folder = self.folder / contents.CHECKPOINTS
        names = os.listdir(folder) if folder.is_dir() else []
        return sorted((int(n) for n in names if n.isdigit()), reverse=True)


def wait(folder):
    """Wait until no process holds a run's folder; says if it has to."""
    path = Path(folder) / contents.LOCK
    if not path.is_file():
        return
    with open(path, "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{folder}: still at work; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)


@contextlib.contextmanager
def _storage(path):
    """Say in one line that the disk is full or read-only."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}; make room or repair it, then go on "
            "with --resume"
        ) from error


def _unfinished(names, of=contents.CONFIG):
    """The names left by a process that was killed while writing."""
    return {n for n in names if n.startswith(of) and n.endswith(UNFINISHED)}


def _remove(path):
    """Remove a folder, or an older version's file."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _npz(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _differences(old, new, prefix=""):
    """(dotted name, old value, new value) of every leaf that differs."""
    for name in sorted((old.keys() | new.keys()) - _NOT_COMPARED):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(before, after, f"{prefix}{name}.")
        elif before != after:
            yield f"{prefix}{name}", before, after
