"""Results of checks of image files, kept in the user's cache.

They are below XDG_CACHE_HOME, or else ~/.cache, a file for each folder of
images. If it cannot be read or written, files are checked again.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

from tfnas.cli.files import staged

HOME = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
# Raise it when a check would judge the same file differently.
_VERSION = 1


def load(root):
    """{path in a folder: ((size, time), result)}; {} if nothing is kept."""
    try:
        rows = json.loads(_file(root).read_text(encoding="utf-8"))
        return {path: (tuple(time), tuple(found)) for path, time, found in rows}
    except (OSError, ValueError, TypeError):
        return {}


def store(root, results):
    """Keep results, as `load` gives them, for the next time."""
    rows = [(path, *one) for path, one in results.items()]
    path = _file(root)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with staged(path) as aside:
            aside.write_text(json.dumps(rows), encoding="utf-8")


def _file(root):
    place = os.fsencode(os.path.realpath(root))
    name = hashlib.blake2b(place, digest_size=16).hexdigest()
    return HOME / "tfnas" / f"checks_{_VERSION}" / f"{name}.json"
