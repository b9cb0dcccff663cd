"""Versions of a network in a folder: written aside, visible only when whole.

A server may poll the folder at any moment, and the export may die at any
moment. So a version takes its place by one rename, and an existing one never
changes.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from tfnas.cli.files import flush_one, put
from tfnas.errors import UserError

DESCRIPTION, LABELS, ONNX = "model.json", "labels.txt", "model.onnx"
_PREFIX = ".tfnas_export_"
# A killed export leaves its staging; one this old is not in use.
_ABANDONED_SECONDS = 60


def check_target(folder, name):
    """Refuse a name or a folder that an export cannot use.

    Args:
        folder: the versions' folder; new, empty or with earlier exports.
        name: the network's name for servers.

    Raises:
        UserError: one line that names it.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name, re.ASCII):
        raise UserError(
            f"name={name}: use letters, digits, dots, dashes and underscores"
        )
    if name in (DESCRIPTION, LABELS):
        raise UserError(f"name={name}: is the name of a file; use another")
    if not folder.exists():
        _check_writable(folder, _existing(folder))
        return
    if not folder.is_dir():
        raise UserError(f"out={folder}: is a file; choose a folder")
    _check_writable(folder, folder)
    there = [p for p in folder.iterdir() if not p.name.startswith(_PREFIX)]
    if there and not (folder / name).is_dir():
        other = _name_in(folder / DESCRIPTION)
        held = f"holds {other}" if other else "is in use"
        raise UserError(f"out={folder}: {held}; choose another folder")


@contextlib.contextmanager
def stage(folder):
    """A folder to write to, hidden from readers of `folder`.

    It is next to `folder`, so that a rename publishes it, and is removed at the
    end. Remains of killed exports are removed at the start.
    """
    home = _home(folder)
    prefix = f"{_PREFIX}{folder.name}_"
    try:
        home.mkdir(parents=True, exist_ok=True)
        _sweep(home, prefix)
        aside = Path(tempfile.mkdtemp(prefix=prefix, dir=home))
    except OSError as error:
        raise UserError(f"out={folder}: {error.strerror}") from None
    # The lock shows others that this process lives.
    lock = os.open(aside, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield aside
    finally:
        os.close(lock)
        shutil.rmtree(aside, ignore_errors=True)


def publish(whole, folder, name, finish):
    """Give a finished version the next free number, which is returned.

    `finish`, called with the number, completes it. Then the newest version's
    ONNX files, labels and description take their places in `folder`, each by
    a rename, the description last.
    """
    versions = folder / name
    try:
        versions.mkdir(parents=True, exist_ok=True)
        while True:
            number = next_version(versions)
            finish(number)
            try:
                put(whole, versions / str(number))
                break
            except OSError as error:
                # Another export took the number meanwhile.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
        flush_one(versions)
        _show_newest(versions / str(number), whole.parent, folder, name)
    except OSError as error:
        raise UserError(f"out={folder}: {error.strerror}") from None
    return number


def next_version(versions):
    """One more than the highest number in a folder of versions."""
    names = [path.name for path in versions.iterdir()]
    return 1 + max((int(n) for n in names if n.isdecimal()), default=0)


def onnx_files(version, name):
    """{file of a version: its name next to the versions}, only ONNX files."""
    return {
        path: path.name.replace("model", name, 1)
        for path in sorted(version.glob("model*.onnx"))
    }


def _show_newest(version, aside, folder, name):
    onnx = onnx_files(version, name)
    stale = {path.name for path in folder.glob("*.onnx")} - {*onnx.values()}
    shown = {**onnx, version / LABELS: LABELS}
    for path, name in {**shown, version / DESCRIPTION: DESCRIPTION}.items():
        shutil.copyfile(path, aside / name)
        put(aside / name, folder / name)
    for name in stale:
        (folder / name).unlink(missing_ok=True)
    flush_one(folder)


def _home(folder):
    """The place to stage: a rename works only within one file system."""
    parent = folder.parent
    if folder.is_dir() and (
        os.path.ismount(folder) or not os.access(parent, os.W_OK)
    ):
        return folder
    return parent


def _sweep(home, prefix):
    for path in home.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime < _ABANDONED_SECONDS:
                continue
            lock = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)


def _existing(folder):
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def _check_writable(folder, there):
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(f"out={folder}: {there} cannot be written")


def _name_in(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
