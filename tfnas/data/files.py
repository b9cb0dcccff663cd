"""The files of an image folder: those that are read, those that are not."""

import collections
import os
import pathlib

from tfnas.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp")
SUFFIXES += (".tif", ".tiff")
# Systems and programs leave these in a folder, besides hidden files.
_LEFT_BEHIND = {
    "__macosx",
    "@eadir",
    "$recycle.bin",
    "desktop.ini",
    "lost+found",
    "system volume information",
    "thumbs.db",
}
_NAMED = 10


def class_folders(split):
    """The names of the class folders of a split, in order."""
    return tuple(
        sorted(
            entry.name
            for entry in os.scandir(split)
            if entry.is_dir() and not is_hidden(entry.name)
        )
    )


def image_names(folder):
    """The names of a class folder's images, in order."""
    return sorted(
        name
        for name in os.listdir(folder)
        if name.lower().endswith(SUFFIXES) and not is_hidden(name)
    )


def labelled(home, classes):
    """(path, label) of the images in the class folders, class by class.

    A label is a position in `classes`.
    """
    return [
        (os.path.join(home, name, file), label)
        for label, name in enumerate(classes)
        if (home / name).is_dir()
        for file in image_names(home / name)
    ]


def not_read(data_dir, homes, spare=()):
    """One line on the files in an image folder that are not read, or None.

    `homes` are the folders of its class folders, `spare` those of a split that
    is not read.
    """
    found = collections.Counter()
    form = ", ".join(
        "CLASS" if home == pathlib.Path(data_dir) else f"{home.name}/CLASS"
        for home in homes
    )
    for home in spare:
        if count := sum(len(names) for _, _, names in os.walk(home)):
            found[f"in {home.name}/"] = count
    for home in homes:
        for place, folders, names in os.walk(home):
            folders[:] = [name for name in folders if not is_hidden(name)]
            of_class = pathlib.Path(place).parent == home
            for name in names:
                if not is_hidden(name):
                    found[_kind(name, of_class, form)] += 1
    del found[None]
    if not found:
        return None
    most_first = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    kinds = ", ".join(f"{count} {kind}" for kind, count in most_first)
    name, count = pathlib.Path(data_dir).resolve().name, found.total()
    return (
        f"{readable(name)}: {count} file{'s' * (count > 1)} not read: {kinds}"
    )


def _kind(name, of_class, form):
    """Why a file is not read, in a word or two; None if it is."""
    suffix = readable(os.path.splitext(name)[1].lower())
    if suffix not in SUFFIXES:
        return suffix or "without suffix"
    return None if of_class else f"{suffix} outside {form}"


def is_hidden(name):
    """Whether a file or folder is not part of the data, such as Thumbs.db."""
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def readable(name):
    """A file's name in printable form, whatever its bytes."""
    return os.fsencode(name).decode(errors="backslashreplace")


def damaged(names, remedy="restore or replace {them}, or start a new run"):
    """The error that names the images that cannot be decoded."""
    several = len(names) > 1
    remedy = remedy.format(them="them" if several else "it")
    return UserError(
        f"{len(names)} damaged image{'s' * several}: {some(names)}; {remedy}"
    )


def some(names):
    """The first names, and how many more there are."""
    shown = ", ".join(map(readable, names[:_NAMED]))
    more = f" and {len(names) - _NAMED} more" if names[_NAMED:] else ""
    return shown + more
