"""The folders of an image folder: which to train on, which to test on."""

import dataclasses
import os
import pathlib

from tfnas.data.files import class_folders, image_names, readable
from tfnas.errors import UserError

# Names of a split, in any case; of several test folders the first is taken.
TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation")
_FORMS = "CLASS/*, or train/CLASS/* and test/CLASS/*"


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the class folders of an image folder are.

    Attributes:
        train: the folder of the training images' class folders, or that of
            all images.
        test: that of the test images, or None.
        spare: other split folders, which are not read.
        classes: the class names, in order.
    """

    train: pathlib.Path
    test: pathlib.Path | None
    spare: tuple[pathlib.Path, ...]
    classes: tuple[str, ...]


def layout(data_dir):
    """The `Layout` of a folder.

    A folder that cannot be used, an empty class and a class that is tested but
    not trained raise `UserError`.
    """
    root = pathlib.Path(data_dir)
    if not root.is_dir():
        raise UserError(f"--data_dir={data_dir}: no such folder")
    train, tests = _splits(root, TRAIN), _splits(root, TEST)
    if tests and not train:
        raise UserError(
            f"{tests[0]}: has no folder train/ next to it; --data_dir needs "
            f"{_FORMS}"
        )
    home, test = (*train, root)[0], (*tests, None)[0]
    for split in filter(None, (home, test)):
        _check_classes(split, root)
    classes = class_folders(home)
    foreign = sorted(set(class_folders(test)) - set(classes)) if test else []
    if foreign:
        raise UserError(
            f"{data_dir}: class {foreign[0]} has no folder in {home.name}/; "
            "add one or remove the class"
        )
    return Layout(home, test, tuple(train[1:] + tests[1:]), classes)


def _splits(root, names):
    """The split folders of these names, in their order.

    A folder that holds images itself is a class of that name.
    """
    found = {}
    for name in class_folders(root):
        if name.lower() not in names or image_names(root / name):
            continue
        other = found.setdefault(name.lower(), name)
        if other != name:
            raise UserError(
                f"{root}: has both {other}/ and {name}/; rename one"
            )
    return [root / found[name] for name in names if name in found]


def _check_classes(split, root):
    names = class_folders(split)
    if not names:
        where = "holds no folder of images" if split == root else "is empty"
        raise UserError(
            f"{split}: {where}; --data_dir needs {_FORMS}, a folder for each "
            "class"
        )
    for name in names:
        _check_class(split / name)


def _check_class(folder):
    if readable(folder.name) != folder.name:
        raise UserError(
            f"{readable(folder)}: its name is not UTF-8; rename the folder"
        )
    files = [os.path.join(folder, name) for name in image_names(folder)]
    if not files:
        inner = class_folders(folder)
        remedy = (
            f"it has folders, such as {inner[0]}, so --data_dir may be one "
            "level too high"
            if inner
            else "add some or remove the folder"
        )
        raise UserError(f"{folder}: holds no image that can be read; {remedy}")
    for file in files:
        if not (os.path.isfile(file) and os.access(file, os.R_OK)):
            raise UserError(f"{readable(file)}: cannot be read; remove it")
